#include "wire/zone_scan.h"

#include <array>
#include <string_view>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace onoma::wire::detail {
namespace {

enum Kind : std::uint8_t { kBlank = 1, kNewline = 2, kStop = 4 };

constexpr std::array<std::uint8_t, 256> kinds() {
  std::array<std::uint8_t, 256> table{};
  for (const char c : std::string_view(" \t")) table[static_cast<std::uint8_t>(c)] = kBlank;
  for (const char c : std::string_view(";()\"\\\r")) table[static_cast<std::uint8_t>(c)] = kStop;
  table['\n'] = kNewline | kStop;
  return table;
}
constexpr auto kKinds = kinds();

BlockMasks classify_scalar(const char* block) {
  BlockMasks masks;
  for (std::size_t i = 0; i < kBlockOctets; ++i) {
    const std::uint64_t kind = kKinds[static_cast<std::uint8_t>(block[i])];
    masks.blank |= (kind & kBlank) << i;
    masks.newline |= (kind >> 1 & 1) << i;
    masks.stop |= (kind >> 2) << i;
  }
  return masks;
}

#if defined(__x86_64__)

BlockMasks classify_sse2(const char* block) {
  BlockMasks masks;
  for (unsigned i = 0; i < kBlockOctets; i += 16) {
    const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + i));
    const auto is = [octets](char c) { return _mm_cmpeq_epi8(octets, _mm_set1_epi8(c)); };
    const auto bits = [](__m128i found) {
      return std::uint64_t{static_cast<std::uint16_t>(_mm_movemask_epi8(found))};
    };
    const __m128i newline = is('\n');
    const __m128i brackets = _mm_or_si128(is('('), is(')'));
    const __m128i others = _mm_or_si128(_mm_or_si128(is(';'), is('"')), _mm_or_si128(is('\\'), is('\r')));
    masks.blank |= bits(_mm_or_si128(is(' '), is('\t'))) << i;
    masks.newline |= bits(newline) << i;
    masks.stop |= bits(_mm_or_si128(newline, _mm_or_si128(brackets, others))) << i;
  }
  return masks;
}

// No lambdas inside: they would not inherit the target.
#define ONOMA_AVX2 __attribute__((target("avx2")))
ONOMA_AVX2 inline __m256i is_avx2(__m256i octets, char c) {
  return _mm256_cmpeq_epi8(octets, _mm256_set1_epi8(c));
}
ONOMA_AVX2 inline std::uint64_t bits_avx2(__m256i found) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(found));
}
ONOMA_AVX2 BlockMasks classify_avx2(const char* block) {
  BlockMasks masks;
  for (unsigned i = 0; i < kBlockOctets; i += 32) {
    const __m256i octets = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + i));
    const __m256i newline = is_avx2(octets, '\n');
    const __m256i brackets = _mm256_or_si256(is_avx2(octets, '('), is_avx2(octets, ')'));
    const __m256i others = _mm256_or_si256(_mm256_or_si256(is_avx2(octets, ';'), is_avx2(octets, '"')),
                                           _mm256_or_si256(is_avx2(octets, '\\'), is_avx2(octets, '\r')));
    masks.blank |= bits_avx2(_mm256_or_si256(is_avx2(octets, ' '), is_avx2(octets, '\t'))) << i;
    masks.newline |= bits_avx2(newline) << i;
    masks.stop |= bits_avx2(_mm256_or_si256(newline, _mm256_or_si256(brackets, others))) << i;
  }
  return masks;
}
#undef ONOMA_AVX2

#endif

}  // namespace

ClassifyBlock classifier(ZoneScan scan) {
  switch (scan) {
    case ZoneScan::careful:
      return nullptr;
    case ZoneScan::scalar:
      return classify_scalar;
#if defined(__x86_64__)
    case ZoneScan::sse2:
      return classify_sse2;
    case ZoneScan::avx2:
    case ZoneScan::fastest:
      return __builtin_cpu_supports("avx2") ? classify_avx2 : classify_sse2;
#else
    default:
      break;
#endif
  }
  return classify_scalar;
}

}  // namespace onoma::wire::detail
