#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ocsp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// What OpenSSL offers as macros only, and what both ends of TLS have in common. Each answers 1 when all went well, unless it says otherwise.

/// TLS 1.2 and 1.3 alone, ciphers with forward secrecy and authentication alone, no compression, no renegotiation; little memory while idle.
static inline int copenssl_context_prepare(SSL_CTX *context) {
    SSL_CTX_set_options(
        context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                     SSL_OP_ALL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 && SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1 &&
           SSL_CTX_set_cipher_list(
               context, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                        "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305") == 1 &&
           SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1;
}

/// A server keeps no sessions: they are in the tickets that its clients keep.
static inline void copenssl_context_no_session_cache(SSL_CTX *context) { SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); }

/// A client's sessions go to its callback and nowhere else.
static inline void copenssl_context_own_session_cache(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
}

static inline int copenssl_context_add_chain(SSL_CTX *context, X509 *certificate) { return SSL_CTX_add1_chain_cert(context, certificate); }

static inline void copenssl_context_on_server_name(SSL_CTX *context, int (*body)(SSL *, int *, void *), void *argument) {
    SSL_CTX_set_tlsext_servername_callback(context, body);
    SSL_CTX_set_tlsext_servername_arg(context, argument);
}

static inline void copenssl_context_on_status(SSL_CTX *context, int (*body)(SSL *, void *), void *argument) {
    SSL_CTX_set_tlsext_status_cb(context, body);
    SSL_CTX_set_tlsext_status_arg(context, argument);
}

/// Gives a copy of an OCSP response to the handshake.
static inline int copenssl_set_staple(SSL *ssl, const unsigned char *bytes, long count) {
    unsigned char *copy = OPENSSL_memdup(bytes, (size_t)count);
    if (copy == NULL) return 0;
    if (SSL_set_tlsext_status_ocsp_resp(ssl, copy, count) == 1) return 1;
    OPENSSL_free(copy);
    return 0;
}

/// The stapled OCSP response; its length, 0 or less when there is none.
static inline long copenssl_get_staple(SSL *ssl, const unsigned char **bytes) { return SSL_get_tlsext_status_ocsp_resp(ssl, bytes); }

static inline int copenssl_ask_for_staple(SSL *ssl) { return SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp) == 1; }

static inline int copenssl_set_server_name(SSL *ssl, const char *name) { return SSL_set_tlsext_host_name(ssl, name) == 1; }

static inline const char *copenssl_server_name(const SSL *ssl) { return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name); }

static inline void copenssl_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void copenssl_retry_write(BIO *bio) { BIO_set_retry_write(bio); }
static inline void copenssl_no_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline int copenssl_bio_type(void) { return BIO_get_new_index() | BIO_TYPE_SOURCE_SINK; }

/// Sets up the encryption of a session ticket, or its decryption, with AES-256-CBC and HMAC-SHA256.
static inline int copenssl_ticket_begin(
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const unsigned char *cipher_key, unsigned char *mac_key, size_t mac_key_count,
    const unsigned char *iv, int encrypts) {
    OSSL_PARAM parameters[3];
    parameters[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key, mac_key_count);
    parameters[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0);
    parameters[2] = OSSL_PARAM_construct_end();
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, cipher_key, iv, encrypts) == 1 && EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/// Calls `each` with every DNS name that a certificate is for.
static inline void copenssl_dns_names(const X509 *certificate, void *context, void (*each)(void *, const unsigned char *, int)) {
    GENERAL_NAMES *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    if (names == NULL) return;
    for (int index = 0; index < sk_GENERAL_NAME_num(names); index++) {
        int kind = 0;
        void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, index), &kind);
        if (kind == GEN_DNS) each(context, ASN1_STRING_get0_data((ASN1_STRING *)value), ASN1_STRING_length((ASN1_STRING *)value));
    }
    GENERAL_NAMES_free(names);
}

/// Whether a certificate says that its server always staples (RFC 7633).
static inline int copenssl_must_staple(const X509 *certificate) { return X509_get_ext_by_NID(certificate, NID_tlsfeature, -1) >= 0; }

/// The issuer of the peer's certificate in the chain that was verified; the certificate itself when it is its own issuer. Not to be freed.
static inline X509 *copenssl_verified_issuer(const SSL *ssl) {
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    if (chain == NULL || sk_X509_num(chain) == 0) return NULL;
    return sk_X509_value(chain, sk_X509_num(chain) > 1 ? 1 : 0);
}

/// Whether an OCSP response is signed by `issuer`, or by somebody whom it sent for that.
static inline int copenssl_ocsp_is_signed(OCSP_BASICRESP *response, X509 *issuer) {
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *others = sk_X509_new_null();
    int is_signed = 0;
    if (store != NULL && others != NULL && X509_STORE_add_cert(store, issuer) == 1 && sk_X509_push(others, issuer) > 0) {
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
        is_signed = OCSP_basic_verify(response, others, store, 0) == 1;
    }
    sk_X509_free(others);
    X509_STORE_free(store);
    return is_signed;
}

/// Refuses revoked certificates of every issuer whose revocation list was given.
static inline int copenssl_context_add_revocations(SSL_CTX *context, const char *file) {
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (lookup == NULL || X509_load_crl_file(lookup, file, X509_FILETYPE_PEM) < 1) return 0;
    return X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}
