#include "mpi/serialization.h"

#include <cxxabi.h>

#include <cstdlib>
#include <sstream>

#include "base/errors.h"

namespace r1::mpi {

std::string demangle(const char* mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  const std::string result = status == 0 && text != nullptr ? text : mangled;
  std::free(text);
  return result;
}

namespace detail {

constexpr unsigned kArchiveFlags = boost::archive::no_header;

std::string save_archive(void (*save)(boost::archive::binary_oarchive&, const void*),
                         const void* value, std::vector<at::Tensor>& tensors) {
  std::ostringstream stream;
  {
    boost::archive::binary_oarchive archive(stream, kArchiveFlags);
    auto& table = archive.template get_helper<TensorTable>(&tensor_table_id);
    save(archive, value);
    tensors = std::move(table.tensors);
  }
  return std::move(stream).str();
}

void load_archive(const Encoded& encoded, void (*load)(boost::archive::binary_iarchive&, void*),
                  void* value) {
  std::istringstream stream(encoded.archive);
  try {
    boost::archive::binary_iarchive archive(stream, kArchiveFlags);
    archive.template get_helper<TensorTable>(&tensor_table_id).tensors = encoded.tensors;
    load(archive, value);
  } catch (const std::exception& error) {
    throw base::MpiError(fmt::format("a message of type {} with {} bytes cannot be read: {}",
                                     encoded.type, encoded.archive.size(), error.what()));
  }
}

}  // namespace detail
}  // namespace r1::mpi
