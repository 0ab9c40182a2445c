#pragma once
// Parquet and Arrow files by Arrow's C++ library, which lies in a shared module of its own
// (arrow_module.cpp, libr1mpi_arrow.so): it is loaded when the first such file is opened, and its
// symbols meet none of LibTorch's.
#include <memory>
#include <string>
#include <string_view>

#include "data/record_formats.h"

namespace r1::data {

/// Whether a file that begins with these bytes is Parquet, or Arrow's file or stream form.
bool is_arrow_table(std::string_view first_bytes);

/// Rows as records: structures as objects, lists as arrays, what holds bytes that are no text as
/// null, decimals and times as text. Throws: InputError when the file is damaged, or when the
/// module is not there, with what to install.
std::unique_ptr<RecordFormat> open_arrow_table(const std::string& path);

/// What the module's only symbol, "r1_open_arrow_table", is: null and `error` when the file cannot
/// be opened.
using OpenArrowTable = RecordFormat* (*)(const std::string& path, std::string& error);

}  // namespace r1::data
