#include "weight_sync.h"

#include <ATen/ATen.h>

#include <map>

#include "models/split_model.h"

namespace r1::mpi {

double send_weights(parallel::Communicator& world, const models::Model& model,
                    std::span<const int> targets) {
  const at::NoGradGuard no_grad;
  double bytes = 0.0;
  models::for_each_whole_tensor(
      model.parameters(), model.shape(), model.axes(),
      [&](const std::string&, const at::Tensor& whole) {
        for (const int target : targets)
          world.send(whole.contiguous(), target, "weights to generation").wait();
        bytes += static_cast<double>(whole.nbytes());
      });
  return bytes;
}

double receive_weights(parallel::Communicator& world, models::Model& model, int source) {
  const at::NoGradGuard no_grad;
  std::map<std::string, at::ScalarType> wider;  // than the model's dtype
  for (const auto& parameter : model.parameters())
    for (const auto& slice : parameter.slices)
      if (parameter.value.scalar_type() != model.dtype())
        wider[slice.name] = parameter.value.scalar_type();
  models::WholeTensors parts(model.parameters());
  double bytes = 0.0;
  for (const auto& [name, shape] : models::whole_tensors(model.shape())) {
    const auto found = wider.find(name);
    const auto dtype = found == wider.end() ? model.dtype() : found->second;
    auto whole = at::empty(shape, at::TensorOptions(model.device()).dtype(dtype));
    world.receive(whole, source, "weights to generation").wait();
    parts.fill(name, whole);
    bytes += static_cast<double>(whole.nbytes());
  }
  return bytes;
}

}  // namespace r1::mpi
