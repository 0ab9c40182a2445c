#include "rewards/maths/units.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "data/text.h"
#include "rewards/maths/normalise.h"
#include "rewards/maths/unit_table.h"

namespace r1::rewards::maths {
namespace {

constexpr auto kNone = std::string_view::npos;
constexpr int kMostNesting = 8;
constexpr int kLargestExponent = 99;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

/// Reads "kg m^2/s^2" from left to right; everything behind "/" or "per" divides.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  /// The unit up to the first thing that is none.
  Unit run() {
    Unit unit;
    product(unit, 1);
    return unit;
  }
  bool at_end() {
    skip_blanks();
    return at_ == text_.size();
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t'))
      ++at_;
  }

  bool accept(std::string_view sign) {
    skip_blanks();
    if (text_.substr(at_, sign.size()) != sign) return false;
    at_ += sign.size();
    return true;
  }

  /// A word, letters of any script; or a command with its backslash.
  std::string_view word_at(std::size_t at) const {
    std::size_t end = at + (at < text_.size() && text_[at] == '\\' ? 1 : 0);
    while (end < text_.size() && is_letter(text_[end])) ++end;
    return text_.substr(at, end - at);
  }

  bool accept_word(std::string_view word) {
    skip_blanks();
    if (data::lower_ascii(word_at(at_)) != word) return false;
    at_ += word.size();
    return true;
  }

  bool accept_per() {
    return accept("/") || accept_word("per") || accept_word("\\per") || accept("每");
  }

  /// Whether something was read. What cannot be read is left where it stands.
  bool product(Unit& out, int sign) {
    if (++depth_ > kMostNesting) return false;
    bool found = false;
    bool divides = false;
    for (;;) {
      const std::size_t start = at_;
      if (accept_per()) {
        divides = true;
      } else if (found && (accept("*") || accept("-") || accept("."))) {
        skip_blanks();
      }
      Unit unit;
      if (!term(unit)) {
        at_ = start;
        break;
      }
      out.multiply(unit, divides ? -sign : sign);
      found = true;
    }
    --depth_;
    return found;
  }

  bool term(Unit& out) {
    const std::size_t start = at_;
    const int power = power_before();
    Unit unit;
    if (!fraction(unit) && !bracket(unit) && !atom(unit)) {
      at_ = start;
      return false;
    }
    out.multiply(unit, power * power_behind());
    return true;
  }

  /// "square", "cubic" before a name.
  int power_before() {
    for (const auto& [name, power] : {std::pair{"square", 2},
                                      {"sq", 2},
                                      {"\\square", 2},
                                      {"cubic", 3},
                                      {"cu", 3},
                                      {"\\cubic", 3}}) {
      if (!accept_word(name)) continue;
      accept(".");
      return power;
    }
    return 1;
  }

  /// "^2", "^{-1}", "2" of "cm2", "squared" behind one.
  int power_behind() {
    const bool attached = at_ < text_.size() && is_digit(text_[at_]);
    const std::size_t start = at_;
    if (attached) return exponent(start);
    if (accept("^")) {
      const bool brace = accept("{") || accept("(");
      const int power = exponent(start);
      if (brace && !accept("}")) accept(")");
      return power;
    }
    for (const auto& [name, power] :
         {std::pair{"squared", 2}, {"cubed", 3}, {"\\squared", 2}, {"\\cubed", 3}})
      if (accept_word(name)) return power;
    return 1;
  }

  /// A signed number of at most two digits; without one the text is left at `start`.
  int exponent(std::size_t start) {
    const bool negative = accept("-");
    if (!negative) accept("+");
    int power = 0;
    const std::size_t digits = at_;
    while (at_ < text_.size() && is_digit(text_[at_]) && power <= kLargestExponent)
      power = 10 * power + (text_[at_++] - '0');
    if (at_ == digits || power > kLargestExponent) {
      at_ = start;
      return 1;
    }
    return negative ? -power : power;
  }

  bool fraction(Unit& out) {
    const std::size_t start = at_;
    if (!accept_word("\\frac")) return false;
    Unit above;
    Unit below;
    const bool read = group(above) && group(below);
    if (!read) {
      at_ = start;
      return false;
    }
    out.multiply(above, 1);
    out.multiply(below, -1);
    return true;
  }

  bool group(Unit& out) { return accept("{") && product(out, 1) && accept("}"); }

  bool bracket(Unit& out) {
    const std::size_t start = at_;
    if (group(out)) return true;
    at_ = start;
    out = {};
    if (accept("(") && product(out, 1) && accept(")")) return true;
    at_ = start;
    out = {};
    return false;
  }

  /// "°C", "k\Omega", "\mu m", "\kilo\meter", "light-year", "kg".
  bool atom(Unit& out) {
    if (temperature(out)) return true;
    skip_blanks();
    int tens = 0;
    while (accept_prefix(tens)) skip_blanks();
    const std::string_view word = word_at(at_);
    if (word.empty() || word == "per" || word == "\\per") return false;
    if (const std::size_t length = joined(out); length > 0) {
      at_ += length;
    } else if (auto unit = find_unit(name_of(word)); unit) {
      out = *unit;
      at_ += word.size();
      if (at_ < text_.size() && text_[at_] == '.' && !is_next_letter()) ++at_;  // "sq. in."
    } else if (const std::size_t cut = word.find("每"); cut != kNone && cut > 0) {
      unit = find_unit(std::string(word.substr(0, cut)));
      if (!unit) return false;
      out = *unit;
      at_ += cut;
    } else {
      return false;
    }
    out.tens += tens;
    return true;
  }

  bool is_next_letter() const { return at_ + 1 < text_.size() && is_letter(text_[at_ + 1]); }

  /// "\Omega" and the macros of siunitx by the names of the table.
  static std::string name_of(std::string_view word) {
    if (word == "\\Omega") return "ohm";
    if (word == "\\AA") return "AA";
    return std::string(word.substr(word.starts_with('\\') ? 1 : 0));
  }

  /// A prefix that stands apart from its unit: "k\Omega", "\mu m", "\kilo\gram".
  bool accept_prefix(int& tens) {
    const std::string_view word = word_at(at_);
    if (word.empty()) return false;
    const bool macro = word[0] == '\\';
    const bool before_ohm =
        word_at(at_ + word.size()) == "\\Omega" || word_at(at_ + word.size()) == "\\ohm";
    if (!macro && !before_ohm) return false;
    const auto found = find_prefix(word == "\\mu" || word == "\\micro" ? "\\mu" : name_of(word));
    if (!found) return false;
    at_ += word.size();
    tens += *found;
    return true;
  }

  /// "^\circ C", "\circ", "degrees Celsius".
  bool temperature(Unit& out) {
    const std::size_t start = at_;
    accept("^");
    const bool brace = accept("{");
    const bool degrees =
        accept_word("\\circ") ||
        (!brace && (accept_word("degrees") || accept_word("degree") || accept_word("deg")));
    if (degrees && brace) accept("}");
    if (!degrees) {
      at_ = start;
      return false;
    }
    const bool celsius = accept_word("c") || accept_word("celsius");
    const bool fahrenheit = !celsius && (accept_word("f") || accept_word("fahrenheit"));
    out.bases[celsius ? "celsius" : fahrenheit ? "fahrenheit" : "degree"] = 1;
    return true;
  }

  /// "a.m." and "light-year": the bytes of a name that holds signs, 0: none here.
  std::size_t joined(Unit& out) const {
    for (const auto& [name, unit] : {std::pair{"a.m.", "am"},
                                     {"p.m.", "pm"},
                                     {"A.M.", "am"},
                                     {"P.M.", "pm"},
                                     {"light-years", "ly"},
                                     {"light-year", "ly"},
                                     {"light years", "ly"},
                                     {"light year", "ly"},
                                     {"nautical miles", "nautical"},
                                     {"nautical mile", "nautical"}}) {
      if (!text_.substr(at_).starts_with(name)) continue;
      if (const auto found = find_unit(unit)) out = *found;
      if (out.bases.empty()) out.bases[unit] = 1;
      return std::string_view(name).size();
    }
    return 0;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

std::string spelled(const Unit& unit) {
  if (unit.bases.empty()) return {};
  std::string out = unit.tens == 0 ? "" : "10^" + std::to_string(unit.tens);
  for (const auto& [base, power] : unit.bases) {
    out += (out.empty() ? "" : " ") + base;
    if (power != 1) out += "^" + std::to_string(power);
  }
  return out;
}

bool is_money(std::string_view unit) {
  static constexpr std::array<std::string_view, 8> kMoney{"cent", "dollar", "euro",  "won",
                                                          "yen",  "yuan",   "rupee", "penny"};
  return std::find(kMoney.begin(), kMoney.end(), unit) != kMoney.end();
}

/// Whether `unit` is the money `amount` for something: "dollar hour^-1".
bool is_price(const std::string& unit, const std::string& amount) {
  return is_money(amount) && (' ' + unit + ' ').find(' ' + amount + ' ') != std::string::npos;
}

}  // namespace

std::string read_unit(std::string_view text) {
  Reader reader(text);
  const Unit unit = reader.run();
  return reader.at_end() ? spelled(unit) : std::string();
}

std::string leading_unit(std::string_view text) {
  return spelled(Reader(text).run());
}

bool same_unit(const std::string& a, const std::string& b) {
  if (a == b || a.empty() || b.empty()) return true;
  const auto scale = [](const std::string& unit) {
    return unit == "celsius" || unit == "fahrenheit";
  };
  if ((a == "degree" && scale(b)) || (b == "degree" && scale(a))) return true;
  return is_price(a, b) || is_price(b, a);
}

std::string paid_in(const std::string& currency, const std::string& unit) {
  if (currency.empty()) return unit;
  std::set<std::string> words{currency};
  for (const std::string& word : data::split_whitespace(unit)) {
    if (is_money(word) || word == currency) return unit;
    words.insert(word);
  }
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string unit_in_prose(std::string_view text, std::size_t at) {
  constexpr std::size_t kWindow = 64;
  constexpr int kMostWords = 6;
  std::string_view rest = text.substr(std::min(at, text.size()), kWindow);
  rest = rest.substr(0, rest.find('\n'));
  std::string best;
  std::size_t end = 0;
  for (int words = 0; words < kMostWords && end < rest.size(); ++words) {
    const std::size_t start = rest.find_first_not_of(" ~", end);
    if (start == kNone) break;
    end = std::min(rest.find(' ', start), rest.size());
    const std::string unit = normalise(rest.substr(0, end));
    if (read_unit(unit).empty()) continue;
    const std::string_view word = rest.substr(start, end - start);
    // "5 in total", "5 A students": a word of the language goes on the sentence.
    const bool word_of_language = words == 0 && (word == "in" || word == "A" || word == "a");
    if (word_of_language && end < rest.size()) return {};
    best = unit;
  }
  return std::count(best.begin(), best.end(), '{') == std::count(best.begin(), best.end(), '}')
             ? best
             : std::string();
}

}  // namespace r1::rewards::maths
