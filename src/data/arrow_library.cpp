#include "data/arrow_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "base/errors.h"

namespace r1::data {
namespace {

OpenArrowTable load_module(std::string& reason) {
  void* library = ::dlopen("libr1mpi_arrow.so", RTLD_NOW | RTLD_LOCAL);
  const char* symbol = "r1_open_arrow_table";
  if (library != nullptr)
    if (void* found = ::dlsym(library, symbol)) return reinterpret_cast<OpenArrowTable>(found);
  reason = ::dlerror();
  return nullptr;
}

}  // namespace

bool is_arrow_table(std::string_view first_bytes) {
  using namespace std::string_view_literals;
  return first_bytes.starts_with("PAR1"sv) || first_bytes.starts_with("ARROW1"sv) ||
         first_bytes.starts_with("\xff\xff\xff\xff"sv);  // a message of the stream form
}

std::unique_ptr<RecordFormat> open_arrow_table(const std::string& path) {
  static std::string reason;
  static const OpenArrowTable open = load_module(reason);
  if (open == nullptr)
    throw base::InputError(fmt::format(
        "{}: Parquet and Arrow files need Arrow's library: 'pip install pyarrow' into the "
        "project's "
        ".venv (jobscripts/build.sh does) and build again; or write the file as JSONL. ({})",
        path, reason));
  std::string error;
  std::unique_ptr<RecordFormat> table(open(path, error));
  if (table == nullptr) throw base::InputError(fmt::format("{}: {}", path, error));
  return table;
}

}  // namespace r1::data
