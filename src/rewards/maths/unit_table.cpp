#include "rewards/maths/unit_table.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <unordered_map>
#include <utility>

#include "data/text.h"

namespace r1::rewards::maths {
namespace {

struct Entry {
  const char* name;
  const char* meaning;  // power of ten, then bases with exponents
};

/// Symbols that take SI prefixes.
constexpr Entry kPrefixed[] = {{"m", "0 m"},
                               {"g", "0 g"},
                               {"s", "0 s"},
                               {"A", "0 A"},
                               {"K", "0 K"},
                               {"mol", "0 mol"},
                               {"cd", "0 cd"},
                               {"Hz", "0 s-1"},
                               {"N", "3 g m s-2"},
                               {"Pa", "3 g m-1 s-2"},
                               {"J", "3 g m2 s-2"},
                               {"W", "3 g m2 s-3"},
                               {"C", "0 A s"},
                               {"V", "3 g m2 s-3 A-1"},
                               {"F", "-3 g-1 m-2 s4 A2"},
                               {"ohm", "3 g m2 s-3 A-2"},
                               {"S", "-3 g-1 m-2 s3 A2"},
                               {"Wb", "3 g m2 s-2 A-1"},
                               {"T", "3 g s-2 A-1"},
                               {"H", "3 g m2 s-2 A-2"},
                               {"lm", "0 lm"},
                               {"lx", "0 lm m-2"},
                               {"Bq", "0 becquerel"},
                               {"Gy", "0 gray"},
                               {"Sv", "0 sievert"},
                               {"kat", "0 mol s-1"},
                               {"L", "-3 m3"},
                               {"l", "-3 m3"},
                               {"eV", "0 electronvolt"},
                               {"bar", "8 g m-1 s-2"},
                               {"cal", "0 calorie"},
                               {"Cal", "3 calorie"},
                               {"Wh", "3 g m2 s-3 hour"},
                               {"Ah", "0 A hour"},
                               {"t", "0 ton"},
                               {"M", "3 mol m-3"},
                               {"B", "0 byte"},
                               {"b", "0 bit"},
                               {"bps", "0 bit s-1"},
                               {"pc", "0 parsec"},
                               {"Da", "0 dalton"},
                               {"rad", "0 radian"},
                               {"sr", "0 steradian"},
                               {"Ci", "0 curie"},
                               {"dyn", "-2 g m s-2"},
                               {"erg", "-4 g m2 s-2"}};

/// Symbols without prefixes.
constexpr Entry kPlain[] = {{"min", "0 minute"},
                            {"h", "0 hour"},
                            {"d", "0 day"},
                            {"in", "0 inch"},
                            {"ft", "0 foot"},
                            {"yd", "0 yard"},
                            {"mi", "0 mile"},
                            {"oz", "0 ounce"},
                            {"lb", "0 pound"},
                            {"lbf", "0 pound-force"},
                            {"gal", "0 gallon"},
                            {"qt", "0 quart"},
                            {"pt", "0 pint"},
                            {"ac", "0 acre"},
                            {"ha", "4 m2"},
                            {"cc", "-6 m3"},
                            {"mph", "0 mile hour-1"},
                            {"kph", "3 m hour-1"},
                            {"kmh", "3 m hour-1"},
                            {"kmph", "3 m hour-1"},
                            {"fps", "0 foot s-1"},
                            {"psi", "0 psi"},
                            {"atm", "0 atmosphere"},
                            {"mmHg", "0 mmHg"},
                            {"torr", "0 torr"},
                            {"Torr", "0 torr"},
                            {"hp", "0 horsepower"},
                            {"rpm", "0 rpm"},
                            {"dB", "0 decibel"},
                            {"deg", "0 degree"},
                            {"amu", "0 dalton"},
                            {"u", "0 dalton"},
                            {"ly", "0 lightyear"},
                            {"AU", "0 au"},
                            {"au", "0 au"},
                            {"Btu", "0 btu"},
                            {"BTU", "0 btu"},
                            {"ppm", "0 ppm"},
                            {"ppb", "0 ppb"},
                            {"kt", "0 knot"},
                            {"kn", "0 knot"},
                            {"USD", "0 dollar"},
                            {"EUR", "0 euro"},
                            {"GBP", "0 pound"},
                            {"KRW", "0 won"},
                            {"JPY", "0 yen"},
                            {"CNY", "0 yuan"},
                            {"RMB", "0 yuan"},
                            {"INR", "0 rupee"},
                            {"AM", "0 am"},
                            {"PM", "0 pm"},
                            {"am", "0 am"},
                            {"pm", "0 pm"},
                            {"Kg", "3 g"},
                            {"KG", "3 g"},
                            {"Km", "3 m"},
                            {"KM", "3 m"},
                            {"CM", "-2 m"},
                            {"hz", "0 s-1"},
                            {"HZ", "0 s-1"},
                            {"cy", "0 century"},
                            {"Å", "-10 m"},
                            {"AA", "-10 m"}};

/// Names of units in `kPrefixed`, which take prefixes in words.
constexpr std::pair<const char*, const char*> kPrefixedNames[] = {
    {"meter", "m"},         {"metre", "m"},   {"gram", "g"},       {"gramme", "g"},
    {"second", "s"},        {"sec", "s"},     {"ampere", "A"},     {"amp", "A"},
    {"kelvin", "K"},        {"mole", "mol"},  {"candela", "cd"},   {"hertz", "Hz"},
    {"newton", "N"},        {"pascal", "Pa"}, {"joule", "J"},      {"watt", "W"},
    {"coulomb", "C"},       {"volt", "V"},    {"farad", "F"},      {"ohm", "ohm"},
    {"siemens", "S"},       {"weber", "Wb"},  {"tesla", "T"},      {"henry", "H"},
    {"lumen", "lm"},        {"lux", "lx"},    {"becquerel", "Bq"}, {"gray", "Gy"},
    {"sievert", "Sv"},      {"katal", "kat"}, {"liter", "L"},      {"litre", "L"},
    {"electronvolt", "eV"}, {"bar", "bar"},   {"calorie", "cal"},  {"tonne", "t"},
    {"ton", "t"},           {"molar", "M"},   {"byte", "B"},       {"bit", "b"},
    {"parsec", "pc"},       {"dalton", "Da"}, {"radian", "rad"},   {"steradian", "sr"},
    {"dyne", "dyn"},        {"curie", "Ci"},  {"henrie", "H"}};

constexpr Entry kNames[] = {{"minute", "0 minute"},
                            {"hour", "0 hour"},
                            {"hr", "0 hour"},
                            {"day", "0 day"},
                            {"week", "0 week"},
                            {"month", "0 month"},
                            {"year", "0 year"},
                            {"yr", "0 year"},
                            {"decade", "0 decade"},
                            {"century", "0 century"},
                            {"centurie", "0 century"},
                            {"inch", "0 inch"},
                            {"inche", "0 inch"},
                            {"foot", "0 foot"},
                            {"feet", "0 foot"},
                            {"yard", "0 yard"},
                            {"mile", "0 mile"},
                            {"acre", "0 acre"},
                            {"hectare", "4 m2"},
                            {"pound", "0 pound"},
                            {"ounce", "0 ounce"},
                            {"gallon", "0 gallon"},
                            {"quart", "0 quart"},
                            {"pint", "0 pint"},
                            {"cup", "0 cup"},
                            {"tablespoon", "0 tablespoon"},
                            {"teaspoon", "0 teaspoon"},
                            {"knot", "0 knot"},
                            {"horsepower", "0 horsepower"},
                            {"atmosphere", "0 atmosphere"},
                            {"angstrom", "-10 m"},
                            {"micron", "-6 m"},
                            {"lightyear", "0 lightyear"},
                            {"decibel", "0 decibel"},
                            {"cent", "0 cent"},
                            {"dollar", "0 dollar"},
                            {"euro", "0 euro"},
                            {"yuan", "0 yuan"},
                            {"yen", "0 yen"},
                            {"won", "0 won"},
                            {"rupee", "0 rupee"},
                            {"pence", "0 penny"},
                            {"penny", "0 penny"},
                            {"degree", "0 degree"},
                            {"celsius", "0 celsius"},
                            {"centigrade", "0 celsius"},
                            {"fahrenheit", "0 fahrenheit"}};

/// Korean, Chinese and Japanese names.
constexpr std::pair<const char*, const char*> kOtherScripts[] = {{"킬로미터", "km"},
                                                                 {"센티미터", "cm"},
                                                                 {"밀리미터", "mm"},
                                                                 {"미터", "m"},
                                                                 {"킬로그램", "kg"},
                                                                 {"밀리그램", "mg"},
                                                                 {"그램", "g"},
                                                                 {"톤", "t"},
                                                                 {"초", "s"},
                                                                 {"분", "min"},
                                                                 {"시간", "h"},
                                                                 {"일", "d"},
                                                                 {"주", "week"},
                                                                 {"개월", "month"},
                                                                 {"달", "month"},
                                                                 {"년", "year"},
                                                                 {"밀리리터", "mL"},
                                                                 {"리터", "L"},
                                                                 {"원", "KRW"},
                                                                 {"달러", "USD"},
                                                                 {"유로", "EUR"},
                                                                 {"엔", "JPY"},
                                                                 {"위안", "CNY"},
                                                                 {"센트", "cent"},
                                                                 {"도", "deg"},
                                                                 {"킬로와트", "kW"},
                                                                 {"와트", "W"},
                                                                 {"킬로줄", "kJ"},
                                                                 {"줄", "J"},
                                                                 {"뉴턴", "N"},
                                                                 {"볼트", "V"},
                                                                 {"암페어", "A"},
                                                                 {"옴", "ohm"},
                                                                 {"파스칼", "Pa"},
                                                                 {"헤르츠", "Hz"},
                                                                 {"몰", "mol"},
                                                                 {"칼로리", "cal"},
                                                                 {"인치", "in"},
                                                                 {"피트", "ft"},
                                                                 {"마일", "mi"},
                                                                 {"파운드", "lb"},
                                                                 {"千米", "km"},
                                                                 {"公里", "km"},
                                                                 {"厘米", "cm"},
                                                                 {"毫米", "mm"},
                                                                 {"分米", "dm"},
                                                                 {"米", "m"},
                                                                 {"千克", "kg"},
                                                                 {"公斤", "kg"},
                                                                 {"毫克", "mg"},
                                                                 {"克", "g"},
                                                                 {"吨", "t"},
                                                                 {"秒", "s"},
                                                                 {"分钟", "min"},
                                                                 {"分鐘", "min"},
                                                                 {"小时", "h"},
                                                                 {"小時", "h"},
                                                                 {"天", "d"},
                                                                 {"周", "week"},
                                                                 {"个月", "month"},
                                                                 {"年", "year"},
                                                                 {"毫升", "mL"},
                                                                 {"升", "L"},
                                                                 {"元", "CNY"},
                                                                 {"美元", "USD"},
                                                                 {"欧元", "EUR"},
                                                                 {"日元", "JPY"},
                                                                 {"度", "deg"},
                                                                 {"牛顿", "N"},
                                                                 {"牛", "N"},
                                                                 {"千焦", "kJ"},
                                                                 {"焦耳", "J"},
                                                                 {"焦", "J"},
                                                                 {"千瓦", "kW"},
                                                                 {"瓦", "W"},
                                                                 {"伏", "V"},
                                                                 {"伏特", "V"},
                                                                 {"安培", "A"},
                                                                 {"欧姆", "ohm"},
                                                                 {"帕", "Pa"},
                                                                 {"摩尔", "mol"},
                                                                 {"英尺", "ft"},
                                                                 {"英寸", "in"},
                                                                 {"メートル", "m"},
                                                                 {"キロメートル", "km"},
                                                                 {"グラム", "g"},
                                                                 {"キログラム", "kg"}};

constexpr std::pair<const char*, int> kPrefixes[] = {
    {"Q", 30},  {"R", 27},  {"Y", 24},    {"Z", 21},       {"E", 18}, {"P", 15},  {"T", 12},
    {"G", 9},   {"M", 6},   {"k", 3},     {"h", 2},        {"da", 1}, {"d", -1},  {"c", -2},
    {"m", -3},  {"u", -6},  {"\\mu", -6}, {"\\micro", -6}, {"n", -9}, {"p", -12}, {"f", -15},
    {"a", -18}, {"z", -21}, {"y", -24},   {"K", 3}};

constexpr std::pair<const char*, int> kPrefixNames[] = {
    {"peta", 15}, {"tera", 12},  {"giga", 9},    {"mega", 6},   {"kilo", 3},   {"hecto", 2},
    {"deca", 1},  {"deka", 1},   {"deci", -1},   {"centi", -2}, {"milli", -3}, {"micro", -6},
    {"nano", -9}, {"pico", -12}, {"femto", -15}, {"exa", 18}};

/// "3 g m2 s-2".
Unit meaning_of(std::string_view text) {
  Unit unit;
  const auto words = data::split_whitespace(text);
  unit.tens = std::atoi(words[0].c_str());
  for (std::size_t k = 1; k < words.size(); ++k) {
    const std::string& word = words[k];
    std::size_t name = word.size();
    while (name > 0 && word[name - 1] >= '0' && word[name - 1] <= '9') --name;
    const bool power = name < word.size();
    if (power && word[name - 1] == '-') --name;
    unit.bases[word.substr(0, name)] = power ? std::atoi(word.c_str() + name) : 1;
  }
  return unit;
}

using Table = std::unordered_map<std::string, Unit>;

const Table& prefixed() {
  static const Table table = [] {
    Table out;
    for (const Entry& entry : kPrefixed) out.emplace(entry.name, meaning_of(entry.meaning));
    return out;
  }();
  return table;
}

const Table& prefixed_names() {
  static const Table table = [] {
    Table out;
    for (const auto& [name, symbol] : kPrefixedNames) out.emplace(name, prefixed().at(symbol));
    return out;
  }();
  return table;
}

const Table& plain() {
  static const Table table = [] {
    Table out;
    for (const Entry& entry : kPlain) out.emplace(entry.name, meaning_of(entry.meaning));
    return out;
  }();
  return table;
}

const Table& names() {
  static const Table table = [] {
    Table out = prefixed_names();
    for (const Entry& entry : kNames) out.emplace(entry.name, meaning_of(entry.meaning));
    return out;
  }();
  return table;
}

std::optional<Unit> look_up(const Table& table, const std::string& word) {
  const auto found = table.find(word);
  return found == table.end() ? std::nullopt : std::optional<Unit>(found->second);
}

std::optional<Unit> find_symbol(const std::string& word) {
  if (auto unit = look_up(plain(), word)) return unit;
  if (auto unit = look_up(prefixed(), word)) return unit;
  for (const auto& [prefix, tens] : kPrefixes) {
    if (!word.starts_with(prefix)) continue;
    auto unit = look_up(prefixed(), word.substr(std::string_view(prefix).size()));
    if (!unit) continue;
    unit->tens += tens;
    return unit;
  }
  return {};
}

/// "kilometers", "Feet".
std::optional<Unit> find_name(const std::string& word) {
  std::string lower = data::lower_ascii(word);
  for (int plural = 0; plural < 2; ++plural) {
    if (auto unit = look_up(names(), lower)) return unit;
    for (const auto& [prefix, tens] : kPrefixNames) {
      if (!lower.starts_with(prefix)) continue;
      auto unit = look_up(prefixed_names(), lower.substr(std::string_view(prefix).size()));
      if (!unit) continue;
      unit->tens += tens;
      return unit;
    }
    constexpr std::size_t kShortest = 2;
    if (lower.size() <= kShortest || lower.back() != 's') return {};
    lower.pop_back();
  }
  return {};
}

/// "미터", "제곱미터", "미터입니다", "平方米".
std::optional<Unit> find_in_other_script(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, int>, 6> kPowers{
      {{"세제곱", 3}, {"제곱", 2}, {"평방", 2}, {"입방", 3}, {"平方", 2}, {"立方", 3}}};
  static constexpr std::array<std::string_view, 18> kEndings{
      "",   "입니다", "이다", "이고", "이며", "이므로", "다",   "가",     "이",
      "은", "는",     "을",   "를",   "로",   "으로",   "예요", "이에요", "です"};
  int power = 1;
  for (const auto& [name, exponent] : kPowers) {
    if (!word.starts_with(name)) continue;
    word.remove_prefix(name.size());
    power = exponent;
    break;
  }
  std::optional<Unit> found;
  std::size_t longest = 0;
  for (const auto& [name, symbol] : kOtherScripts) {
    const std::string_view unit(name);
    if (unit.size() <= longest || !word.starts_with(unit)) continue;
    if (std::find(kEndings.begin(), kEndings.end(), word.substr(unit.size())) == kEndings.end())
      continue;
    found = find_symbol(symbol);
    if (!found) found = find_name(symbol);
    longest = unit.size();
  }
  if (!found) return {};
  Unit out;
  out.multiply(*found, power);
  return out;
}

}  // namespace

void Unit::multiply(const Unit& other, int exponent) {
  tens += other.tens * exponent;
  for (const auto& [base, power] : other.bases) {
    const int sum = (bases[base] += power * exponent);
    if (sum == 0) bases.erase(base);
  }
}

std::optional<Unit> find_unit(const std::string& word) {
  if (word.empty()) return {};
  if (static_cast<unsigned char>(word[0]) >= 0x80 && word != "Å") return find_in_other_script(word);
  if (auto unit = find_symbol(word)) return unit;
  if (auto unit = find_name(word)) return unit;
  const bool plural = word.size() > 2 && word.back() == 's';  // "lbs"
  return plural ? find_symbol(word.substr(0, word.size() - 1)) : std::nullopt;
}

std::optional<int> find_prefix(std::string_view prefix) {
  for (const auto& [symbol, tens] : kPrefixes)
    if (prefix == symbol) return tens;
  for (const auto& [name, tens] : kPrefixNames)
    if (prefix == name) return tens;
  return {};
}

}  // namespace r1::rewards::maths
