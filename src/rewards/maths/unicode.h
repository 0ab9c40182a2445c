#pragma once
// Unicode maths in ASCII: signs by their LaTeX names, full-width forms, super- and subscripts.
#include <string>
#include <string_view>

namespace r1::rewards::maths {

/// Characters without such a form stay; those that are not seen (zero width) go.
std::string to_ascii(std::string_view text);

}  // namespace r1::rewards::maths
