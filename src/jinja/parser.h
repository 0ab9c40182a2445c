#pragma once
// Parses the tokens of a template to a syntax tree. Reference: jinja2 3.1, parser.py; the tags of
// transformers' environment: loop controls and generation.
#include <string_view>

#include "jinja/syntax.h"

namespace r1::jinja {

/// Throws: InputError naming `origin`, the line and the unreadable construct.
Body parse(std::string_view source, std::string_view origin);

}  // namespace r1::jinja
