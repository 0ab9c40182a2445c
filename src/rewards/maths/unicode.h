#pragma once
// Converts Unicode maths to ASCII: signs to their LaTeX names, full-width forms, super- and
// subscripts.
#include <string>
#include <string_view>

namespace r1::rewards::maths {

/// Characters without an ASCII form stay; zero-width characters are removed.
std::string to_ascii(std::string_view text);

}  // namespace r1::rewards::maths
