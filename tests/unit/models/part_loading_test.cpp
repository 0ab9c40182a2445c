// A rank that holds a part of a model reads that part of the files and no more, and it is the part.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "models/registry.h"
#include "models/weights.h"
#include "support/fixtures.h"
#include "support/split_axes.h"
#include "support/thread_ranks.h"

namespace r1::models {
namespace {

class PartLoading : public ::testing::TestWithParam<const char*> {
 protected:
  std::string path_ = test::data_path(std::string("models/") + GetParam());

  /// What `slice` takes of the bytes of its tensor. Vectors of GGUF files are read whole.
  static std::int64_t bytes_of(const WeightSource& source, const WeightSlice& slice,
                               at::IntArrayRef extent) {
    const auto before = source.bytes_read();
    const auto whole = source.read(slice.name);
    const auto bytes = source.bytes_read() - before;
    if (whole.dim() == 1 && source.path().ends_with(".gguf")) return bytes;
    return bytes / whole.numel() * c10::multiply_integers(extent);
  }
};

TEST_P(PartLoading, ReadsTheRanksPartAlone) {
  const auto whole_files = open_model(path_);
  const auto whole = make_model(whole_files.shape, at::kFloat, at::kCPU);
  load_weights(*whole, *whole_files.weights);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& parameter : whole->parameters())
    for (const auto& slice : parameter.slices) tensors[slice.name] = rows_of(parameter, slice);

  test::ThreadRanks::run(2, [&](parallel::Communicator& ranks) {
    const auto files = open_model(path_), reference = open_model(path_);
    const auto part = make_model(files.shape, at::kFloat, at::kCPU, test::all_over(ranks));
    load_weights(*part, *files.weights);
    std::int64_t expected = 0;
    for (const auto& parameter : part->parameters())
      for (const auto& slice : parameter.slices) {
        const auto values = rows_of(parameter, slice);
        EXPECT_TRUE(at::equal(values, box_of(tensors.at(slice.name), slice, values.sizes())))
            << slice.name;
        expected += bytes_of(*reference.weights, slice, values.sizes());
      }
    EXPECT_EQ(files.weights->bytes_read(), expected) << "rank " << ranks.rank();
    EXPECT_LT(expected, whole_files.weights->bytes_read() * 3 / 5);
  });
}

INSTANTIATE_TEST_SUITE_P(Files, PartLoading,
                         ::testing::Values("llama", "qwen2", "qwen3", "deepseek_v3",
                                           "gguf/llama.gguf", "gguf/qwen2.gguf", "gguf/qwen3.gguf",
                                           "gguf/deepseek2_whole.gguf"));

}  // namespace
}  // namespace r1::models
