#pragma once
// Numbers as people read them: "5,360", "0.0123", "1.31 billion".
#include <string>

namespace r1::plan {

/// Three significant digits, in words from a million on.
std::string number_text(double value);
/// Seconds in the unit that suits them: "42 s", "3.5 minutes", "17 hours", "5,360 days".
std::string duration_text(double seconds);

}  // namespace r1::plan
