//! `limen_plugin.h`, ABI 1, as Rust sees it. Structs are only ever read within the size that their writer gives.
#![allow(dead_code)]

use std::ffi::{c_char, c_int, c_void};

pub const ABI_VERSION: u32 = 1;

/// Bytes given by pointer and length; the pointer may be null when the length is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    pub data: *const u8,
    pub length: usize,
}

impl Bytes {
    pub const EMPTY: Bytes = Bytes { data: std::ptr::null(), length: 0 };

    /// Of something that lives long enough: the host copies before its function returns.
    pub const fn of(text: &str) -> Bytes {
        Bytes { data: text.as_ptr(), length: text.len() }
    }

    /// What the host passed in.
    ///
    /// # Safety
    /// Only until the function that the bytes were passed to returns.
    pub unsafe fn slice<'a>(self) -> &'a [u8] {
        if self.length == 0 {
            return &[];
        }
        std::slice::from_raw_parts(self.data, self.length)
    }
}

#[repr(C)]
pub struct Attachment {
    pub name: Bytes,
    pub content_type: Bytes,
    pub data: Bytes,
}

/// One call in flight.
#[repr(C)]
pub struct Call {
    _private: [u8; 0],
}

#[repr(C)]
pub struct Request {
    pub size: u32,
    pub attachment_count: u32,
    pub tool: Bytes,
    pub input: Bytes,
    pub request_id: Bytes,
    pub attachments: *const Attachment,
    /// Only where `size` reaches this far.
    pub traceparent: Bytes,
}

#[repr(C)]
pub struct Response {
    pub size: u32,
    pub status: u32,
    pub headers: Bytes,
    pub body: Bytes,
    pub error_code: Bytes,
    pub error_message: Bytes,
}

#[repr(C)]
pub struct KvResult {
    pub size: u32,
    pub found: u32,
    pub value: Bytes,
    pub error_code: Bytes,
    pub error_message: Bytes,
}

pub type FetchCallback = extern "C" fn(*mut c_void, *const Response);
pub type KvCallback = extern "C" fn(*mut c_void, *const KvResult);
pub type Scheduled = extern "C" fn(*mut c_void);

pub const LOG_INFO: c_int = 2;
pub const EVENT_PROGRESS: c_int = 1;

/// What the host offers; it lives as long as the process.
#[repr(C)]
pub struct Host {
    pub size: u32,
    pub abi: u32,
    pub complete: extern "C" fn(*mut Call, Bytes, *const Attachment, u32),
    pub fail: extern "C" fn(*mut Call, Bytes, Bytes, Bytes),
    pub emit: extern "C" fn(*mut Call, c_int, Bytes),
    pub log: extern "C" fn(*mut Call, c_int, Bytes),
    pub cancelled: extern "C" fn(*mut Call) -> c_int,
    pub deadline: extern "C" fn(*mut Call) -> u64,
    pub fetch: extern "C" fn(*mut Call, Bytes, Bytes, FetchCallback, *mut c_void),
    pub kv: extern "C" fn(*mut Call, c_int, Bytes, Bytes, KvCallback, *mut c_void),
    pub schedule: extern "C" fn(Scheduled, *mut c_void),
    pub pump: extern "C" fn(*mut Call, *const c_int) -> c_int,
    pub scratch_path: *const c_char,
    pub config: Bytes,
}

/// What the plugin offers; it must live as long as the process.
#[repr(C)]
pub struct Plugin {
    pub size: u32,
    pub abi: u32,
    pub description: Bytes,
    pub state: *mut c_void,
    pub call: Option<extern "C" fn(*mut c_void, *mut Call, *const Request)>,
    pub cancel: Option<extern "C" fn(*mut c_void, *mut Call)>,
    pub stop: Option<extern "C" fn(*mut c_void)>,
}

// SAFETY: the plugin's only pointers are to constants and to its own state, which is null here.
unsafe impl Sync for Plugin {}
