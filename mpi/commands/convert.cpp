// convert: converts models between Hugging Face folders, GGUF files and checkpoints.
#include <ATen/ATen.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "checkpoint/catalog.h"
#include "checkpoint/saver.h"
#include "checkpoint_model.h"
#include "commands/commands.h"
#include "commands/tool_model.h"
#include "model_loading.h"
#include "model_path.h"
#include "models/classifier.h"
#include "models/gguf_export.h"
#include "models/peft_folder.h"
#include "models/registry.h"
#include "models/safetensors_source.h"
#include "models/sharded_parameter.h"
#include "parallel/local_communicator.h"
#include "tensor/dtype.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShardBytes = std::size_t{5} << 30;

/// A folder that appears under its name when it is complete; otherwise nothing is left of it.
class NewFolder {
 public:
  explicit NewFolder(const std::string& path) : target_(fs::absolute(path).lexically_normal()) {
    if (!target_.has_filename()) target_ = target_.parent_path();  // "out/"
    if (fs::exists(target_) && !(fs::is_directory(target_) && fs::is_empty(target_)))
      throw base::InputError(
          fmt::format("--output {}: exists already; expected a new name or an empty folder", path));
    partial_ = target_.parent_path() /
               fmt::format(".{}.{}.partial", target_.filename().string(), ::getpid());
    std::error_code error;
    fs::create_directories(partial_, error);
    if (error)
      base::throw_file_error("--output " + path, "cannot create", error.value(),
                             base::FileOf::User);
  }
  ~NewFolder() {
    std::error_code ignored;
    fs::remove_all(partial_, ignored);
  }
  std::string path() const { return partial_.string(); }
  /// Gives `folder`, path() or one inside it, the final name.
  void publish(const std::string& folder) {
    std::error_code error;
    fs::rename(folder, target_, error);
    if (error)
      base::throw_file_error(target_.string(), "cannot rename", error.value(), base::FileOf::User);
    base::sync_folder(target_.parent_path().string());
  }

 private:
  fs::path target_;
  fs::path partial_;
};

/// As asked for, or the widest of the input's matrices, which loses nothing: quantised and half
/// precision ones are fp32 (vectors aside: a router's bias is fp32 in bf16 models).
at::ScalarType output_dtype(const CommandLine& line, const models::WeightSource& source) {
  if (!line.dtype.empty()) {
    const auto dtype = tensor::parse_dtype(line.dtype);
    if (dtype == at::kHalf)
      throw base::ConfigError("--dtype: expected fp32, bf16 or fp64, found fp16");
    return dtype;
  }
  const auto names = source.names();
  if (names.empty()) throw base::InputError(fmt::format("{}: holds no weights", source.path()));
  auto widest = at::kBFloat16;
  for (const auto& name : names)
    if (source.shape(name).size() > 1)
      widest = c10::promoteTypes(widest, source.dtype(name));  // bf16 and fp16: fp32
  return widest;
}

std::shared_ptr<const tokenizer::Tokenizer> tokenizer_of(const std::string& path,
                                                         const std::string& input,
                                                         std::int64_t vocab_size) {
  if (has_tokenizer(path)) return open_tokenizer(path, vocab_size);
  base::log_warning("{}: has no tokenizer: the output has none", input);
  return nullptr;
}

/// The JSON object of a file; empty when there is no such file.
nlohmann::json read_object(const fs::path& file) {
  if (!fs::exists(file)) return nlohmann::json::object();
  const auto object = base::parse_json(base::read_file(file.string()), file.string());
  if (!object.is_object())
    throw base::InputError(fmt::format("{}: not a JSON object", file.string()));
  return object;
}

/// Adds keys of `from` to the JSON object in `file`, those that it has already aside.
void add_keys(const fs::path& file, const nlohmann::json& from) {
  auto object = read_object(file);
  object.insert(from.begin(), from.end());  // does not replace
  base::write_file_atomically(file.string(), object.dump(2));
}

/// config.json and its companions for `model`, from the files of `input` (of the checkpoint): what
/// the program does not know of, as sampling defaults and the ids of bos and pad, stays as it was.
void write_description(const models::Model& model, const std::string& input,
                       const std::string& checkpoint, const std::string& folder) {
  if (!checkpoint.empty()) write_description_blobs(checkpoint, folder);
  const auto& source = checkpoint.empty() ? input : folder;
  const auto generation = read_object(fs::path(source) / "generation_config.json");
  auto ids = nlohmann::json::object();
  const auto config = read_object(fs::path(source) / "config.json");
  for (const char* key : {"bos_token_id", "pad_token_id"})
    if (config.contains(key)) ids[key] = config[key];
  const auto tokenizer = tokenizer_of(source, input, model.shape().vocab_size);
  const auto eos = tokenizer ? tokenizer->eos_token_ids() : folder_eos_token_ids(source);
  write_model_description(model.shape(), model.dtype(), tokenizer.get(), {eos.begin(), eos.end()},
                          folder);
  add_keys(fs::path(folder) / "generation_config.json", generation);
  add_keys(fs::path(folder) / "config.json", ids);
}

/// Saves the model as step 0 inside the new folder; returns the checkpoint's path.
std::string write_checkpoint(const models::Model& model, const checkpoint::Blobs& blobs,
                             const std::string& folder) {
  parallel::LocalCommunicator alone;
  checkpoint::CheckpointOptions options;
  options.background = false;
  checkpoint::Saver saver(options, folder, 0, alone);
  saver.save(0, {models::model_tensors(model), blobs});
  if (!saver.last_result().published)
    throw base::InputError(
        fmt::format("{}: cannot write the checkpoint: {}", folder, saver.last_result().reason));
  return (fs::path(folder) / checkpoint::checkpoint_name(0)).string();
}

/// A classifier's config.json as it was, but for the dtype, and its tokenizer's files.
void copy_description(const std::string& input, at::ScalarType dtype, const std::string& folder) {
  const auto file = (fs::path(input) / "config.json").string();
  auto config = base::parse_json(base::read_file(file), file);
  config.erase("quantization_config");  // of fp8 weights, which are written as what they stand for
  const auto* key = config.contains("torch_dtype") ? "torch_dtype" : "dtype";
  config[key] = hugging_face_dtype(dtype);
  base::write_file_atomically(folder + "/config.json", config.dump(2));
  for (const char* name :
       {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab.txt", "vocab.json", "merges.txt", "chat_template.jinja"})
    if (fs::exists(fs::path(input) / name))
      base::write_file_atomically(folder + "/" + name,
                                  base::read_file((fs::path(input) / name).string()));
}

int convert_classifier(const CommandLine& line, const std::string& input) {
  if (!line.format.empty() && line.format != "hf")
    throw base::ConfigError(
        fmt::format("--to {}: {} is a sequence classifier, which is written as hf alone",
                    line.format, line.input));
  const auto dtype = output_dtype(line, *models::open_safetensors_weights(input));
  const auto classifier = models::load_classifier(input, dtype, at::kCPU);
  NewFolder output(line.output);
  copy_description(input, dtype, output.path());
  models::write_safetensors_weights(classifier->parameters(), output.path(), kShardBytes);
  output.publish(output.path());
  base::log_info("convert: classifier of {} outputs in {} -> {}", classifier->num_labels(),
                 tensor::dtype_name(dtype), line.output);
  return 0;
}

checkpoint::GgmlType gguf_type(const std::string& dtype) {
  if (dtype.empty() || dtype == "bf16") return checkpoint::GgmlType::BF16;
  if (dtype == "fp16") return checkpoint::GgmlType::F16;
  if (dtype == "fp32") return checkpoint::GgmlType::F32;
  if (dtype == "q8_0") return checkpoint::GgmlType::Q8_0;
  throw base::ConfigError(
      fmt::format("--dtype: --to gguf writes fp32, fp16, bf16 or q8_0, found {}", dtype));
}

int convert_to_gguf(const CommandLine& line, const std::string& input) {
  const auto type = gguf_type(line.dtype);
  if (fs::exists(line.output))
    throw base::InputError(fmt::format("--output {}: exists already", line.output));
  const auto files =
      is_checkpoint(input) ? open_checkpoint_model(input) : models::open_model(input);
  const auto dtype = type == checkpoint::GgmlType::BF16 ? at::kBFloat16 : at::kFloat;
  const auto model = models::make_model(files.shape, dtype, at::kCPU);
  models::load_weights(*model, *files.weights);
  const auto tokenizer = tokenizer_of(models::text_folder(input), input, files.shape.vocab_size);
  models::write_gguf_model(*model, tokenizer ? &tokenizer->definition() : nullptr, type,
                           line.output);
  base::log_info("convert: {} parameters -> {}", model->num_parameters(), line.output);
  return 0;
}

}  // namespace

int convert_command(const CommandLine& line) {
  const auto input = find_model(line.input);
  const auto text = models::text_folder(input);
  if (!fs::exists(input))
    throw base::InputError(fmt::format("--input {}: does not exist", line.input));
  if (models::is_classifier(input)) return convert_classifier(line, input);
  if (line.format == "gguf") return convert_to_gguf(line, input);
  const auto checkpoint = is_checkpoint(input) ? input : std::string();
  const auto files =
      checkpoint.empty() ? models::open_model(input) : open_checkpoint_model(checkpoint);
  const auto model = models::make_model(files.shape, output_dtype(line, *files.weights), at::kCPU);
  models::load_weights(*model, *files.weights);
  NewFolder output(line.output);
  write_description(*model, text, checkpoint, output.path());
  if (line.format == "checkpoint") {
    output.publish(write_checkpoint(*model, description_blobs(output.path()), output.path()));
  } else {
    models::write_safetensors_weights(model->parameters(), output.path(), kShardBytes);
    output.publish(output.path());
  }
  base::log_info("convert: {} parameters in {} -> {}", model->num_parameters(),
                 tensor::dtype_name(model->dtype()), line.output);
  return 0;
}

}  // namespace r1::mpi
