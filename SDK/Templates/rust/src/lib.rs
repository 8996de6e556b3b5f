//! @NAME@: a Limen plugin in Rust. The contract is `limen_plugin.h`.
mod abi;

use abi::{Bytes, Call, Host, Plugin, Request, ABI_VERSION, LOG_INFO};
use std::ffi::c_void;
use std::mem::size_of;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Set once, before any call; it lives as long as the process.
static HOST: AtomicPtr<Host> = AtomicPtr::new(std::ptr::null_mut());

/// One tool: the host has validated the input against the schema below. A real plugin parses it with a JSON library; this one counts the bytes of
/// the input as it came.
fn count(input: &[u8]) -> Result<String, (&'static str, &'static str)> {
    Ok(format!("{{\"bytes\":{}}}", input.len()))
}

extern "C" fn call(_state: *mut c_void, call: *mut Call, request: *const Request) {
    // SAFETY: the host is there before the first call; its request and its bytes are valid until this function returns.
    let (host, tool, input) = unsafe { (&*HOST.load(Ordering::Acquire), (*request).tool.slice(), (*request).input.slice()) };
    let result = match tool {
        b"count" => count(input),
        _ => Err(("unknown_tool", "The plugin has one tool, count.")),
    };
    match result {
        Ok(output) => {
            (host.log)(call, LOG_INFO, Bytes::of("counted"));
            (host.complete)(call, Bytes::of(&output), std::ptr::null(), 0);
        }
        Err((code, message)) => (host.fail)(call, Bytes::of(code), Bytes::of(message), Bytes::EMPTY),
    }
}

const DESCRIPTION: &str = concat!(
    r#"{"name":"@NAME@","version":"0.1.0","tools":[{"name":"count","description":"Counts the bytes of its input as JSON.","#,
    r#""input_schema":{"type":"object","properties":{"text":{"type":"string","maxLength":1000000}},"required":["text"],"#,
    r#""additionalProperties":false},"#,
    r#""output_schema":{"type":"object","properties":{"bytes":{"type":"integer","minimum":0}},"required":["bytes"],"#,
    r#""additionalProperties":false},"#,
    r#""annotations":{"read_only":true,"destructive":false,"idempotent":true,"open_world":false},"content_type":"json"}]}"#
);

static PLUGIN: Plugin = Plugin {
    size: size_of::<Plugin>() as u32,
    abi: ABI_VERSION,
    description: Bytes::of(DESCRIPTION),
    state: std::ptr::null_mut(),
    call: Some(call),
    cancel: None,
    stop: None,
};

/// The library's one exported symbol.
///
/// # Safety
/// The host passes a table that lives as long as the process.
#[no_mangle]
pub unsafe extern "C" fn limen_plugin_entry(host: *const Host) -> *const Plugin {
    if (*host).abi != ABI_VERSION || ((*host).size as usize) < size_of::<Host>() {
        return std::ptr::null();
    }
    HOST.store(host as *mut Host, Ordering::Release);
    &PLUGIN
}
