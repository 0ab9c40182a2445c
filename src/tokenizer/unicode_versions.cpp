#include "tokenizer/unicode_versions.h"

#include <algorithm>
#include <array>

namespace r1::tokenizer {
namespace {

constexpr std::string_view kLetters =
    R"(\x{1C89}-\x{1C8A}\x{A7CB}-\x{A7CD}\x{A7DA}-\x{A7DC}\x{105C0}-\x{105F3})"
    R"(\x{10D4A}-\x{10D65}\x{10D6F}-\x{10D85}\x{10EC2}-\x{10EC4}\x{1123F}-\x{11240})"
    R"(\x{11380}-\x{11389}\x{1138B}\x{1138E}\x{11390}-\x{113B5}\x{113B7}\x{113D1}\x{113D3})"
    R"(\x{11BC0}-\x{11BE0}\x{11F02}\x{11F04}-\x{11F10}\x{11F12}-\x{11F33}\x{1342F})"
    R"(\x{13441}-\x{13446}\x{13460}-\x{143FA}\x{16100}-\x{1611D}\x{16D40}-\x{16D6C})"
    R"(\x{18CFF}\x{1B132}\x{1B155}\x{1DF25}-\x{1DF2A}\x{1E030}-\x{1E06D}\x{1E4D0}-\x{1E4EB})"
    R"(\x{1E5D0}-\x{1E5ED}\x{1E5F0}\x{2B739}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF})";
constexpr std::string_view kMarks =
    R"(\x{897}\x{CF3}\x{ECE}\x{10D69}-\x{10D6D}\x{10EFC}-\x{10EFF}\x{11241})"
    R"(\x{113B8}-\x{113C0}\x{113C2}\x{113C5}\x{113C7}-\x{113CA}\x{113CC}-\x{113D0}\x{113D2})"
    R"(\x{113E1}-\x{113E2}\x{11F00}-\x{11F01}\x{11F03}\x{11F34}-\x{11F3A})"
    R"(\x{11F3E}-\x{11F42}\x{11F5A}\x{13440}\x{13447}-\x{13455}\x{1611E}-\x{1612F}\x{1E08F})"
    R"(\x{1E4EC}-\x{1E4EF}\x{1E5EE}-\x{1E5EF})";
constexpr std::string_view kNumbers =
    R"(\x{10D40}-\x{10D49}\x{116D0}-\x{116E3}\x{11BF0}-\x{11BF9}\x{11F50}-\x{11F59})"
    R"(\x{16130}-\x{16139}\x{16D70}-\x{16D79}\x{1CCF0}-\x{1CCF9}\x{1D2C0}-\x{1D2D3})"
    R"(\x{1E4F0}-\x{1E4F9}\x{1E5F1}-\x{1E5FA})";
constexpr std::string_view kPunctuation =
    R"(\x{1B4E}-\x{1B4F}\x{1B7F}\x{10D6E}\x{113D4}-\x{113D5}\x{113D7}-\x{113D8})"
    R"(\x{11B00}-\x{11B09}\x{11BE1}\x{11F43}-\x{11F4F}\x{16D6D}-\x{16D6F}\x{1E5FF})";
constexpr std::string_view kSymbols =
    R"(\x{2427}-\x{2429}\x{2FFC}-\x{2FFF}\x{31E4}-\x{31E5}\x{31EF}\x{10D8E}-\x{10D8F})"
    R"(\x{1CC00}-\x{1CCEF}\x{1CD00}-\x{1CEB3}\x{1F6DC}\x{1F774}-\x{1F776})"
    R"(\x{1F77B}-\x{1F77F}\x{1F7D9}\x{1F8B2}-\x{1F8BB}\x{1F8C0}-\x{1F8C1})"
    R"(\x{1FA75}-\x{1FA77}\x{1FA87}-\x{1FA89}\x{1FA8F}\x{1FAAD}-\x{1FAAF})"
    R"(\x{1FABB}-\x{1FABF}\x{1FAC6}\x{1FACE}-\x{1FACF}\x{1FADA}-\x{1FADC}\x{1FADF})"
    R"(\x{1FAE8}-\x{1FAE9}\x{1FAF7}-\x{1FAF8}\x{1FBCB}-\x{1FBEF})";

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};
// Ascending. The marks of Unicode 15 and 16 are here for libraries that know them. U+11A7 is no
// trailing consonant (their base lies one below the first), but utf8proc 2.8 composes it away.
constexpr std::array kCombining = {
    Range{0x7FD, 0x7FD},     Range{0x897, 0x897},     Range{0x898, 0x89F},
    Range{0x8CA, 0x8D3},     Range{0x9FE, 0x9FE},     Range{0xC3C, 0xC3C},
    Range{0xD3B, 0xD3C},     Range{0xEBA, 0xEBA},     Range{0xECE, 0xECE},
    Range{0x11A7, 0x11A7},   Range{0x1715, 0x1715},   Range{0x1ABF, 0x1ACE},
    Range{0x1DF6, 0x1DFA},   Range{0xA82C, 0xA82C},   Range{0x10D24, 0x10D27},
    Range{0x10D69, 0x10D6D}, Range{0x10EAB, 0x10EAC}, Range{0x10EFD, 0x10EFF},
    Range{0x10F46, 0x10F50}, Range{0x10F82, 0x10F85}, Range{0x11070, 0x11070},
    Range{0x1133B, 0x1133B}, Range{0x113B8, 0x113D0}, Range{0x1145E, 0x1145E},
    Range{0x11839, 0x1183A}, Range{0x11930, 0x11930}, Range{0x1193D, 0x1193E},
    Range{0x11943, 0x11943}, Range{0x119E0, 0x119E0}, Range{0x11A34, 0x11A34},
    Range{0x11A47, 0x11A47}, Range{0x11A99, 0x11A99}, Range{0x11D42, 0x11D42},
    Range{0x11D44, 0x11D45}, Range{0x11D97, 0x11D97}, Range{0x11F41, 0x11F42},
    Range{0x1611E, 0x1612F}, Range{0x16FF0, 0x16FF1}, Range{0x1E08F, 0x1E08F},
    Range{0x1E130, 0x1E136}, Range{0x1E2AE, 0x1E2AE}, Range{0x1E2EC, 0x1E2EF},
    Range{0x1E4EC, 0x1E4EF}, Range{0x1E5EE, 0x1E5EF}};

}  // namespace

std::string_view newer_code_points(std::string_view category) {
  if (category == "L") return kLetters;
  if (category == "M") return kMarks;
  if (category == "N") return kNumbers;
  if (category == "P") return kPunctuation;
  if (category == "S") return kSymbols;
  return {};
}

bool stands_alone(std::uint32_t code_point) {
  const auto* range =
      std::lower_bound(kCombining.begin(), kCombining.end(), code_point,
                       [](const Range& one, std::uint32_t value) { return one.last < value; });
  return range != kCombining.end() && range->first <= code_point;
}

}  // namespace r1::tokenizer
