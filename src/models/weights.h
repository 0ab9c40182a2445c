#pragma once
// Where weights come from (safetensors folder, GGUF file) and how they reach a model.
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/model.h"

namespace r1::models {

/// Tensors by their Hugging Face names. Reads one tensor, or the part of it that a rank holds, at a
/// time: peak host memory is that rank's part of the model plus one tensor.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual const std::string& path() const = 0;
  /// The file that holds a tensor, for errors.
  virtual std::string file_of(const std::string& /*name*/) const { return path(); }
  virtual std::vector<std::string> names() const = 0;
  virtual bool has(const std::string& name) const = 0;
  virtual std::vector<std::int64_t> shape(const std::string& name) const = 0;
  /// The file's; fp32 for quantised types. Throws: InputError.
  virtual at::ScalarType dtype(const std::string& name) const = 0;
  /// On the CPU, in that dtype. Throws: InputError.
  virtual at::Tensor read(const std::string& name) const = 0;
  /// Fills `rows` (of any dtype, on any device) with the box of a tensor that `slice` holds; no
  /// more of the file is read. Throws: InputError.
  virtual void fill(const at::Tensor& rows, const WeightSlice& slice) const = 0;
  /// Bytes of tensors read so far, as the file stores them.
  virtual std::int64_t bytes_read() const = 0;
};

/// Fills every parameter. Throws: InputError naming file, tensor, expected and found for a missing
/// tensor or a wrong shape, and for a tensor that no parameter takes (rotary tables of old files,
/// the head of a tied model, experts that other ranks hold and tensors without elements aside).
/// Layers beyond num_hidden_layers are skipped and reported. Values must be finite (finite.h).
void load_weights(Model& model, const WeightSource& source);

/// The same, one parameter after the other, in a dtype of the caller's: take(number, its values on
/// the CPU). The parameters are those of a model of `shape`; their own values stay as they are.
using TakeParameter = std::function<void(std::size_t parameter, const at::Tensor& values)>;
void load_weights(std::span<const Parameter> parameters, const ModelShape& shape,
                  const WeightSource& source, at::ScalarType dtype, const TakeParameter& take);

/// Compares a shape with the files before anything of that size is built: the layers, and all
/// parameters together, must be such as the tensors could fill. What fits roughly is compared
/// tensor by tensor by load_weights. Throws: InputError naming the file, expected and found.
void require_plausible(const ModelShape& shape, const WeightSource& source);

/// "[2, 3]", as errors say it.
std::string shape_text(at::IntArrayRef shape);

/// A model's files: its shape and its weights.
struct ModelFiles {
  ModelShape shape;
  std::unique_ptr<WeightSource> weights;
};

/// Opens a Hugging Face folder (config.json + safetensors) or a GGUF file. Throws: InputError.
ModelFiles open_model(const std::string& path);

/// The shape alone (no weights are read).
ModelShape read_shape(const std::string& path);

}  // namespace r1::models
