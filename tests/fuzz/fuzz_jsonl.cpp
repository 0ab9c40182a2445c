// Fuzz target: any bytes are a file of records that ends, or an InputError. The first byte chooses
// the file's form.
#include <array>

#include "base/errors.h"
#include "data/dataset.h"
#include "data/record_reader.h"
#include "fuzz/input_file.h"

namespace {

/// As a run reads it: what is no problem of the data set is a bad line.
void read_file(const std::string& path) {
  r1::data::RecordLimits limits;
  limits.line_bytes = 4096;
  limits.bad_lines = 1000;
  r1::data::RecordReader reader(path, limits);
  nlohmann::json record;
  while (reader.next(record)) {
    if (!record.is_object()) __builtin_trap();
    try {
      r1::data::make_problem(record, {}, reader.where());
    } catch (const r1::base::InputError& error) {
      reader.refuse(error.what());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<r1::fuzz::InputFile, 6> inputs{
      r1::fuzz::InputFile("data.jsonl"),    r1::fuzz::InputFile("data.json"),
      r1::fuzz::InputFile("data.csv"),      r1::fuzz::InputFile("data.tsv"),
      r1::fuzz::InputFile("data.jsonl.gz"), r1::fuzz::InputFile("data.jsonl.zst")};
  if (size == 0) return 0;
  const auto& input = inputs[data[0] % inputs.size()];
  input.write(data + 1, size - 1);
  try {
    read_file(input.path());
  } catch (const r1::base::InputError&) {
  }
  return 0;
}
