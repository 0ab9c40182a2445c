#pragma once
// Sources of weights (safetensors folder, GGUF file), and the loading of weights into a model.
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/model.h"

namespace r1::models {

/// Tensors by Hugging Face names. A source reads one tensor at a time, or the part that a rank
/// holds: peak host memory is the rank's part of the model plus one tensor.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual const std::string& path() const = 0;
  /// The file that holds a tensor, for errors.
  virtual std::string file_of(const std::string& /*name*/) const { return path(); }
  virtual std::vector<std::string> names() const = 0;
  virtual bool has(const std::string& name) const = 0;
  virtual std::vector<std::int64_t> shape(const std::string& name) const = 0;
  /// The dtype in the file; fp32 for quantised types. Throws: InputError.
  virtual at::ScalarType dtype(const std::string& name) const = 0;
  /// Reads a tensor to the CPU in dtype(name). Throws: InputError.
  virtual at::Tensor read(const std::string& name) const = 0;
  /// Fills `rows` (of any dtype, on any device) with the box of a tensor that `slice` names. Reads
  /// only this box from the file. Throws: InputError.
  virtual void fill(const at::Tensor& rows, const WeightSlice& slice) const = 0;
  /// Bytes of the tensors read so far, as stored in the file.
  virtual std::int64_t bytes_read() const = 0;
};

/// Fills every parameter. Throws: InputError naming file, tensor, expected and found value, for a
/// missing tensor, a wrong shape, or a tensor that no parameter takes. The last check excludes
/// rotary tables of old files, the head of a tied model, experts on other ranks and tensors without
/// elements. Layers beyond num_hidden_layers are skipped and reported. Values must be finite
/// (finite.h).
void load_weights(Model& model, const WeightSource& source);

/// Loads the parameters one after the other in `dtype` and calls take(index, values on the CPU) for
/// each. The parameters belong to a model of `shape` and keep their own values.
using TakeParameter = std::function<void(std::size_t parameter, const at::Tensor& values)>;
void load_weights(std::span<const Parameter> parameters, const ModelShape& shape,
                  const WeightSource& source, at::ScalarType dtype, const TakeParameter& take);

/// Compares a shape with the files before anything of that size is built: the layers, and all
/// parameters together, must be such as the tensors could fill. What fits roughly is compared
/// tensor by tensor by load_weights. Throws: InputError naming the file, expected and found.
void require_plausible(const ModelShape& shape, const WeightSource& source);

/// Text of a shape in errors: "[2, 3]".
std::string shape_text(at::IntArrayRef shape);

/// The files of a model: the shape and the weights.
struct ModelFiles {
  ModelShape shape;
  std::unique_ptr<WeightSource> weights;
};

/// Opens a Hugging Face folder (config.json + safetensors), a GGUF file, or a PEFT folder whose
/// adapters are merged into the weights of its base. Throws: InputError.
ModelFiles open_model(const std::string& path);

/// Reads the shape without the weights.
ModelShape read_shape(const std::string& path);

}  // namespace r1::models
