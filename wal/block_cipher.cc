#include "wal/block_cipher.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "wal/base/check.h"

namespace spillway::wal {
namespace {

constexpr std::size_t kDataKeyBytes = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kHeaderAadBytes = offsetof(BlockHeader, hash);
constexpr std::string_view kKeyIdInfo = "spillway key id";
constexpr std::string_view kSegmentInfo = "spillway segment";

struct Free {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

const EVP_CIPHER* aes_256_gcm() {
  static const std::unique_ptr<EVP_CIPHER, Free> cipher(
      EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
  return cipher.get();
}

EVP_KDF* hkdf() {
  static const std::unique_ptr<EVP_KDF, Free> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  return kdf.get();
}

unsigned char* raw(std::byte* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}

const unsigned char* raw(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

// OpenSSL's parameters take what they only read without const.
OSSL_PARAM octets(const char* name, ByteSpan bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::byte*>(bytes.data()),
                                           bytes.size());
}

// HKDF-SHA256 (RFC 5869). Fails for lack of memory only.
void derive(ByteSpan secret, ByteSpan salt, ByteSpan info, MutableByteSpan out) {
  const std::unique_ptr<EVP_KDF_CTX, Free> context(EVP_KDF_CTX_new(hkdf()));
  CHECK(context != nullptr);
  std::array<char, 7> digest{"SHA256"};
  // Without a salt its place is the end: OpenSSL refuses an empty one.
  const std::array<OSSL_PARAM, 5> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      octets(OSSL_KDF_PARAM_KEY, secret), octets(OSSL_KDF_PARAM_INFO, info),
      salt.empty() ? OSSL_PARAM_construct_end() : octets(OSSL_KDF_PARAM_SALT, salt),
      OSSL_PARAM_construct_end()};
  CHECK(EVP_KDF_derive(context.get(), raw(out.data()), out.size(), parameters.data()) == 1);
}

std::array<std::byte, kNonceBytes> nonce_of(std::uint64_t lsn) {
  std::array<std::byte, kNonceBytes> nonce{};
  store_le(nonce.data() + (kNonceBytes - sizeof lsn), lsn);
  return nonce;
}

// OpenSSL counts in int: `step(from, to, bytes)` for pieces that are multiples of the cipher's 16
// bytes, but for the last.
template <class Step>
void in_pieces(ByteSpan from, std::byte* to, Step step) {
  constexpr std::size_t kPieceBytesMax = kGiB;
  while (!from.empty()) {
    const std::size_t bytes = std::min(from.size(), kPieceBytesMax);
    int done = 0;
    CHECK(step(raw(to), &done, raw(from.data()), static_cast<int>(bytes)) == 1);
    CHECK(static_cast<std::size_t>(done) == bytes);
    from = from.subspan(bytes);
    to += bytes;
  }
}

}  // namespace

struct BlockCipher::Context {
  std::unique_ptr<EVP_CIPHER_CTX, Free> encrypt{EVP_CIPHER_CTX_new()};
  std::unique_ptr<EVP_CIPHER_CTX, Free> decrypt{EVP_CIPHER_CTX_new()};
};

BlockCipher::BlockCipher(const MasterKey& key, const ChannelId& channel, const Segment& segment)
    : context_(std::make_unique<Context>()) {
  CHECK(key.id() == segment.key_id);
  CHECK(context_->encrypt != nullptr && context_->decrypt != nullptr);
  std::array<std::byte, kSegmentInfo.size() + 2 * sizeof(std::uint64_t)> info{};
  const ByteSpan label = as_bytes(kSegmentInfo);
  std::byte* const end = std::copy(label.begin(), label.end(), info.data());
  store_le(end, segment.number.value);
  store_le(end + sizeof(std::uint64_t), segment.nonce);
  std::array<std::byte, kDataKeyBytes> data_key{};
  derive(key.secret(), channel, info, data_key);
  CHECK(EVP_EncryptInit_ex2(context_->encrypt.get(), aes_256_gcm(), raw(data_key.data()), nullptr,
                            nullptr) == 1);
  CHECK(EVP_DecryptInit_ex2(context_->decrypt.get(), aes_256_gcm(), raw(data_key.data()), nullptr,
                            nullptr) == 1);
  wipe(data_key);
}

BlockCipher::~BlockCipher() = default;

void BlockCipher::encrypt(ByteSpan payload, BlockHeader& header, MutableByteSpan block) {
  CHECK(header.payload_bytes == payload.size() + kBlockTagBytes);
  CHECK(block.size() == block_bytes(header.payload_bytes));
  CHECK(header.lsn >= next_lsn_);  // a nonce used twice would give both blocks away
  next_lsn_ = header.lsn + block.size();
  header.flags |= kEncryptedFlag;
  store_le(block.data(), header);

  EVP_CIPHER_CTX* const context = context_->encrypt.get();
  const auto nonce = nonce_of(header.lsn);
  std::byte* const out = block.data() + kBlockHeaderBytes;
  int done = 0;
  CHECK(EVP_EncryptInit_ex2(context, nullptr, nullptr, raw(nonce.data()), nullptr) == 1);
  CHECK(EVP_EncryptUpdate(context, nullptr, &done, raw(block.data()), kHeaderAadBytes) == 1);
  in_pieces(payload, out,
            [context](auto... arguments) { return EVP_EncryptUpdate(context, arguments...); });
  CHECK(EVP_EncryptFinal_ex(context, raw(out) + payload.size(), &done) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kBlockTagBytes, out + payload.size()) ==
        1);
}

bool BlockCipher::decrypt(ByteSpan block, const BlockHeader& header, MutableByteSpan payload) {
  CHECK(header.payload_bytes == payload.size() + kBlockTagBytes);
  CHECK(block.size() >= kBlockHeaderBytes + header.payload_bytes);
  const ByteSpan sealed = block.subspan(kBlockHeaderBytes, payload.size());
  std::array<std::byte, kBlockTagBytes> tag{};
  const ByteSpan stored_tag = block.subspan(kBlockHeaderBytes + payload.size(), kBlockTagBytes);
  std::copy(stored_tag.begin(), stored_tag.end(), tag.begin());

  EVP_CIPHER_CTX* const context = context_->decrypt.get();
  const auto nonce = nonce_of(header.lsn);
  int done = 0;
  CHECK(EVP_DecryptInit_ex2(context, nullptr, nullptr, raw(nonce.data()), nullptr) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kBlockTagBytes, tag.data()) == 1);
  CHECK(EVP_DecryptUpdate(context, nullptr, &done, raw(block.data()), kHeaderAadBytes) == 1);
  in_pieces(sealed, payload.data(),
            [context](auto... arguments) { return EVP_DecryptUpdate(context, arguments...); });
  return EVP_DecryptFinal_ex(context, raw(payload.data()) + payload.size(), &done) == 1;
}

std::unique_ptr<BlockCipher> cipher_of(const KeyRing* keys, const ChannelId& channel,
                                       const Segment& segment) {
  if (keys == nullptr || segment.key_id == 0) return nullptr;
  const MasterKey* const key = keys->find(segment.key_id);
  if (key == nullptr) return nullptr;
  return std::make_unique<BlockCipher>(*key, channel, segment);
}

KeyId make_key_id(ByteSpan secret) {
  std::array<std::byte, sizeof(KeyId)> id{};
  derive(secret, {}, as_bytes(kKeyIdInfo), id);
  const auto value = load_le<KeyId>(id.data());
  return value == 0 ? 1 : value;
}

bool is_block_cipher_available() {
  return aes_256_gcm() != nullptr && hkdf() != nullptr;
}

void wipe(MutableByteSpan secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
}

}  // namespace spillway::wal
