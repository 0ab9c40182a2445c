#include "rewards/maths/unicode.h"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

#include "data/text.h"

namespace r1::rewards::maths {
namespace {

const std::unordered_map<std::int32_t, std::string>& signs() {
  static const std::unordered_map<std::int32_t, std::string> table{{0x221A, "\\usqrt "},
                                                                   {0x00D7, "*"},
                                                                   {0x00B7, "*"},
                                                                   {0x22C5, "*"},
                                                                   {0x2217, "*"},
                                                                   {0x00F7, "/"},
                                                                   {0x2044, "/"},
                                                                   {0x2215, "/"},
                                                                   {0x2212, "-"},
                                                                   {0x2013, "-"},
                                                                   {0x2010, "-"},
                                                                   {0x2011, "-"},
                                                                   {0x00B0, "\\circ "},
                                                                   {0x03C0, "\\pi "},
                                                                   {0x221E, "\\infty "},
                                                                   {0x2264, "\\le "},
                                                                   {0x2265, "\\ge "},
                                                                   {0x2260, "\\ne "},
                                                                   {0x2248, "\\approx "},
                                                                   {0x00B1, "\\pm "},
                                                                   {0x2208, "\\in "},
                                                                   {0x222A, "\\cup "},
                                                                   {0x2205, "\\emptyset "},
                                                                   {0x211D, "\\mathbb{R}"},
                                                                   {0x00BD, "\\frac12 "},
                                                                   {0x00BC, "\\frac14 "},
                                                                   {0x00BE, "\\frac34 "},
                                                                   {0x20AC, ""},
                                                                   {0x00A3, ""},
                                                                   {0x00A5, ""},
                                                                   {0x20A9, ""},
                                                                   {0x00A0, " "},
                                                                   {0x2009, " "},
                                                                   {0x202F, " "},
                                                                   {0x3002, "."},
                                                                   {0x3001, ","},
                                                                   {0x2032, ""},
                                                                   {0x200B, ""},
                                                                   {0xFEFF, ""},
                                                                   {0x221B, "\\ucbrt "},
                                                                   {0x27E8, "\\langle "},
                                                                   {0x27E9, "\\rangle "},
                                                                   {0x2216, "\\setminus "},
                                                                   {0x2153, "\\frac13 "},
                                                                   {0x2154, "\\frac23 "},
                                                                   {0x2155, "\\frac15 "},
                                                                   {0x215B, "\\frac18 "},
                                                                   {0x2A7D, "\\le "},
                                                                   {0x2A7E, "\\ge "},
                                                                   {0x2014, "-"},
                                                                   {0x2192, "\\to "},
                                                                   {0x2261, "\\equiv "},
                                                                   {0x200C, ""},
                                                                   {0x200D, ""},
                                                                   {0x200E, ""},
                                                                   {0x200F, ""},
                                                                   {0x2060, ""},
                                                                   {0x00AD, ""},
                                                                   {0x2062, "*"},
                                                                   {0x2061, ""},
                                                                   {0x3000, " "},
                                                                   {0x2002, " "},
                                                                   {0x2003, " "},
                                                                   {0x200A, " "},
                                                                   {0x2007, " "},
                                                                   {0x2308, "\\lceil "},
                                                                   {0x2309, "\\rceil "},
                                                                   {0x230A, "\\lfloor "},
                                                                   {0x230B, "\\rfloor "},
                                                                   {0x2223, "|"},
                                                                   {0x2236, ":"},
                                                                   {0x2219, "*"},
                                                                   {0x2227, "\\land "},
                                                                   {0x2228, "\\lor "},
                                                                   {0x2033, ""},
                                                                   {0x20B9, ""},
                                                                   {0x2018, "'"},
                                                                   {0x2019, "'"},
                                                                   {0x2026, "..."},
                                                                   {0x22EF, "\\dots "},
                                                                   {0x03A9, "\\Omega "},
                                                                   {0x2126, "\\Omega "},
                                                                   {0x00B5, "\\micro "},
                                                                   {0x212B, "Å"},
                                                                   {0x2103, "\\circ C"},
                                                                   {0x2109, "\\circ F"},
                                                                   {0x2113, "L"},
                                                                   {0x339C, " mm"},
                                                                   {0x339D, " cm"},
                                                                   {0x339E, " km"},
                                                                   {0x33A0, " cm^2"},
                                                                   {0x33A1, " m^2"},
                                                                   {0x33A2, " km^2"},
                                                                   {0x33A4, " cm^3"},
                                                                   {0x33A5, " m^3"},
                                                                   {0x338E, " mg"},
                                                                   {0x338F, " kg"},
                                                                   {0x3396, " mL"},
                                                                   {0x33C4, " cc"},
                                                                   {0x03B1, "\\alpha "},
                                                                   {0x03B2, "\\beta "},
                                                                   {0x03B3, "\\gamma "},
                                                                   {0x03B4, "\\delta "},
                                                                   {0x03B8, "\\theta "},
                                                                   {0x03BB, "\\lambda "},
                                                                   {0x03BC, "\\mu "},
                                                                   {0x03C6, "\\phi "},
                                                                   {0x03C9, "\\omega "},
                                                                   {0x03C3, "\\sigma "},
                                                                   {0x03C1, "\\rho "},
                                                                   {0x03C4, "\\tau "},
                                                                   {0x03B5, "\\epsilon "}};
  return table;
}

/// "0".."9", "-", "+" or "n" of a raised character; 0: another one.
char superscript(std::int32_t c) {
  if (c == 0x00B9) return '1';
  if (c == 0x00B2 || c == 0x00B3) return static_cast<char>('0' + (c - 0x00B0));
  if (c == 0x2070 || (c >= 0x2074 && c <= 0x2079)) return static_cast<char>('0' + (c - 0x2070));
  if (c == 0x207B) return '-';
  if (c == 0x207A) return '+';
  return c == 0x207F ? 'n' : '\0';
}

char subscript(std::int32_t c) {
  return c >= 0x2080 && c <= 0x2089 ? static_cast<char>('0' + (c - 0x2080)) : '\0';
}

/// Reads the run of raised (or lowered) characters that begins with `first`: x¹⁰ is x^{10}.
void append_script(std::string& out, char mark, char first, char (*read)(std::int32_t),
                   std::string_view text, std::size_t& at) {
  out += mark;
  out += '{';
  out += first;
  for (std::size_t next = at; next < text.size(); at = next) {
    const char c = read(data::next_code_point(text, next));
    if (c == '\0') break;
    out += c;
  }
  out += '}';
}

/// The value of a decimal digit of another script; -1: none. Reference: Unicode, category Nd.
int digit_value(std::int32_t c) {
  for (const std::int32_t zero :
       {0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6,
        0x0D66, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x17E0, 0x1810})
    if (c >= zero && c < zero + 10) return c - zero;
  if (c >= 0x1D7CE && c <= 0x1D7FF) return (c - 0x1D7CE) % 10;  // mathematical digits
  return -1;
}

/// The number in a circle, in parentheses or with a full stop; -1: none.
int enclosed_number(std::int32_t c) {
  if (c == 0x24EA || c == 0x24FF) return 0;
  for (const auto& [first, last] : {std::pair{0x2460, 0x2473},
                                    {0x2474, 0x2487},
                                    {0x2488, 0x249B},
                                    {0x24F5, 0x24FE},
                                    {0x2776, 0x277F},
                                    {0x2780, 0x2789},
                                    {0x278A, 0x2793}})
    if (c >= first && c <= last) return c - first + 1;
  return c >= 0x24EB && c <= 0x24F4 ? c - 0x24EB + 11 : -1;
}

bool is_ascii_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A combining bar or dot over the digit before it: 0.1\u0305 is 0.\overline{1}.
bool mark_digit(std::string& out, std::int32_t mark) {
  const bool bar = mark == 0x0305 || mark == 0x0304 || mark == 0x00AF;
  if ((!bar && mark != 0x0307) || out.empty() || out.back() < '0' || out.back() > '9') return false;
  const std::string digit(1, out.back());
  out.pop_back();
  constexpr std::string_view kBar = "\\overline{";
  const std::size_t begin = out.rfind(kBar);
  const bool joins = bar && begin != std::string::npos && out.ends_with('}') &&
                     out.find('}', begin) + 1 == out.size();
  if (joins) {
    out.insert(out.size() - 1, digit);
  } else {
    out += (bar ? std::string(kBar) : "\\dot{") + digit + '}';
  }
  return true;
}

}  // namespace

std::string to_ascii(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      out += text[at++];
      continue;
    }
    const std::int32_t c = data::next_code_point(text, at);
    if (mark_digit(out, c)) continue;
    if (c == 0x03BC && at < text.size() && is_ascii_letter(text[at])) {  // a prefix, as in μm
      out += "\\micro ";
    } else if (const char raised = superscript(c); raised != '\0') {
      append_script(out, '^', raised, superscript, text, at);
    } else if (const char lowered = subscript(c); lowered != '\0') {
      append_script(out, '_', lowered, subscript, text, at);
    } else if (c >= 0xFF01 && c <= 0xFF5E) {  // full-width forms
      out += static_cast<char>(c - 0xFF01 + 0x21);
    } else if (const int digit = digit_value(c); digit >= 0) {
      out += static_cast<char>('0' + digit);
    } else if (const int enclosed = enclosed_number(c); enclosed >= 0) {
      out += std::to_string(enclosed);
    } else if (const auto found = signs().find(c); found != signs().end()) {
      out += found->second;
    } else {
      out.append(text.substr(start, at - start));
    }
  }
  return out;
}

}  // namespace r1::rewards::maths
