#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ocsp.h>
#include <openssl/param_build.h>
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

/// An RSA public key of its modulus and exponent; NULL when they are none.
static inline EVP_PKEY *copenssl_rsa_public(const unsigned char *modulus, size_t modulus_count, const unsigned char *exponent, size_t exponent_count) {
    EVP_PKEY *key = NULL;
    BIGNUM *n = BN_bin2bn(modulus, (int)modulus_count, NULL), *e = BN_bin2bn(exponent, (int)exponent_count, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *parameters = NULL;
    if (n != NULL && e != NULL && builder != NULL && context != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1 && (parameters = OSSL_PARAM_BLD_to_param(builder)) != NULL &&
        EVP_PKEY_fromdata_init(context) == 1 && EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
        key = NULL;
    }
    OSSL_PARAM_free(parameters);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    return key;
}

/// A public key on P-256 of its uncompressed point (65 bytes); NULL when it is no point of the curve.
static inline EVP_PKEY *copenssl_p256_public(unsigned char *point) {
    EVP_PKEY *key = NULL;
    OSSL_PARAM parameters[3];
    parameters[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"P-256", 0);
    parameters[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 65);
    parameters[2] = OSSL_PARAM_construct_end();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (context != NULL && EVP_PKEY_fromdata_init(context) == 1 && EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

/// Whether a signature over the SHA-256 of a message is by a key: PKCS #1 v1.5 for RSA, DER for ECDSA.
static inline int copenssl_verify_sha256(
    EVP_PKEY *key, const unsigned char *signature, size_t signature_count, const unsigned char *message, size_t message_count) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int is_valid = context != NULL && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                   EVP_DigestVerify(context, signature, signature_count, message, message_count) == 1;
    EVP_MD_CTX_free(context);
    return is_valid;
}

/// The same for ECDSA's two numbers of 32 bytes each, as JSON Web Signatures carry them (RFC 7518 section 3.4).
static inline int copenssl_verify_p256(EVP_PKEY *key, const unsigned char *signature, const unsigned char *message, size_t message_count) {
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, 32, NULL), *s = BN_bin2bn(signature + 32, 32, NULL);
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return 0;
    }
    unsigned char *der = NULL;
    int count = i2d_ECDSA_SIG(pair, &der);
    int is_valid = count > 0 && copenssl_verify_sha256(key, der, (size_t)count, message, message_count);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return is_valid;
}
