#pragma once
// A checkpoint folder whose files a fuzzer replaces.
#include <ATen/ATen.h>

#include <fstream>

#include "checkpoint/manifest.h"
#include "checkpoint/saver.h"
#include "fuzz/input_file.h"
#include "parallel/local_communicator.h"

namespace r1::fuzz {

/// One valid checkpoint of two tensors and a blob.
class CheckpointFiles {
 public:
  CheckpointFiles() : input_("unused"), folder_(input_.folder() + "/step-00000001") {
    parallel::LocalCommunicator alone;
    checkpoint::CheckpointOptions options;
    options.background = false;
    checkpoint::Saver saver(options, input_.folder(), /*seed=*/1, alone);
    checkpoint::State state;
    state.tensors = {checkpoint::whole_tensor("model.a", at::arange(12, at::kFloat).view({3, 4})),
                     checkpoint::whole_tensor("model.b", at::arange(5, at::kFloat))};
    state.blobs["config"] = "{}";
    saver.save(1, state);
  }

  const std::string& folder() const { return folder_; }
  std::string path(const std::string& file) const { return folder_ + "/" + file; }
  void write(const std::string& file, const std::uint8_t* data, std::size_t size) const {
    std::ofstream out(path(file), std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  }

 private:
  InputFile input_;
  std::string folder_;
};

}  // namespace r1::fuzz
