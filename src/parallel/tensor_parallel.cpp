#include "parallel/tensor_parallel.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <numeric>

namespace r1::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Where a collective runs; kept by the graph.
struct Place {
  Communicator* ranks;
  const char* label;
};

at::Tensor summed(const at::Tensor& x, const Place& place) {
  auto sum = x.detach().clone(at::MemoryFormat::Contiguous);
  place.ranks->all_reduce(sum, ReduceOp::Sum, place.label).wait();
  return sum;
}

std::int64_t rows_per_rank(std::int64_t rows, const Communicator& ranks) {
  return (rows + ranks.size() - 1) / ranks.size();
}

/// [T, D] -> this rank's rows of the sum.
at::Tensor scattered_sum(const at::Tensor& x, const Place& place) {
  const auto rows = rows_per_rank(x.size(0), *place.ranks);
  const auto padded =
      at::constant_pad_nd(x.detach(), {0, 0, 0, rows * place.ranks->size() - x.size(0)})
          .contiguous();
  auto mine = at::empty({rows, x.size(1)}, padded.options().requires_grad(false));
  place.ranks->reduce_scatter(mine, padded, ReduceOp::Sum, place.label).wait();
  return mine;
}

at::Tensor gathered(const at::Tensor& x, std::int64_t num_rows, const Place& place) {
  auto all =
      at::empty({x.size(0) * place.ranks->size(), x.size(1)}, x.options().requires_grad(false));
  place.ranks->all_gather(all, x.detach().contiguous(), place.label).wait();
  return all.narrow(0, 0, num_rows);
}

/// This rank's rows of what every rank holds whole.
at::Tensor own_rows(const at::Tensor& x, const Communicator& ranks) {
  const auto rows = rows_per_rank(x.size(0), ranks);
  return at::constant_pad_nd(x, {0, 0, 0, rows * ranks.size() - x.size(0)})
      .narrow(0, rows * ranks.rank(), rows);
}

at::Tensor exchanged(const at::Tensor& x, const std::vector<std::int64_t>& send_rows,
                     const std::vector<std::int64_t>& receive_rows, const Place& place) {
  auto sizes = x.sizes().vec();
  sizes[0] = 0;
  for (const auto rows : receive_rows) sizes[0] += rows;
  auto received = at::empty(sizes, x.options().requires_grad(false));
  place.ranks->all_to_all(received, x.detach().contiguous(), receive_rows, send_rows, place.label)
      .wait();
  return received;
}

// A place travels through the graph as two integers: saved_data takes no pointers.
void save(AutogradContext* context, const Place& place) {
  context->saved_data["ranks"] = reinterpret_cast<std::int64_t>(place.ranks);
  context->saved_data["label"] = reinterpret_cast<std::int64_t>(place.label);
}

Place saved_place(AutogradContext* context) {
  return {reinterpret_cast<Communicator*>(context->saved_data["ranks"].toInt()),
          reinterpret_cast<const char*>(context->saved_data["label"].toInt())};
}

class CopyToRanks : public torch::autograd::Function<CopyToRanks> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const Place& place) {
    save(context, place);
    return x.view_as(x);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {summed(gradients[0], saved_place(context)), {}};
  }
};

class SumOverRanks : public torch::autograd::Function<SumOverRanks> {
 public:
  static at::Tensor forward(AutogradContext* /*context*/, const at::Tensor& x, const Place& place) {
    return summed(x, place);
  }
  static variable_list backward(AutogradContext* /*context*/, variable_list gradients) {
    return {gradients[0], {}};
  }
};

class SumToOwnRows : public torch::autograd::Function<SumToOwnRows> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const Place& place) {
    save(context, place);
    context->saved_data["rows"] = x.size(0);
    return scattered_sum(x, place);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {gathered(gradients[0], context->saved_data["rows"].toInt(), saved_place(context)), {}};
  }
};

class GatherRows : public torch::autograd::Function<GatherRows> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, std::int64_t num_rows,
                            bool whole_gradient, const Place& place) {
    save(context, place);
    context->saved_data["whole_gradient"] = whole_gradient;
    return gathered(x, num_rows, place);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto place = saved_place(context);
    const bool whole = context->saved_data["whole_gradient"].toBool();
    return {whole ? own_rows(gradients[0], *place.ranks) : scattered_sum(gradients[0], place),
            {},
            {},
            {}};
  }
};

class ExchangeRows : public torch::autograd::Function<ExchangeRows> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const std::vector<std::int64_t>& send_rows,
                            const std::vector<std::int64_t>& receive_rows, const Place& place) {
    save(context, place);
    context->saved_data["send"] = send_rows;
    context->saved_data["receive"] = receive_rows;
    return exchanged(x, send_rows, receive_rows, place);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {exchanged(gradients[0], context->saved_data["receive"].toIntVector(),
                      context->saved_data["send"].toIntVector(), saved_place(context)),
            {},
            {},
            {}};
  }
};

struct StateHolder : torch::CustomClassHolder {
  explicit StateHolder(std::shared_ptr<void> s) : state(std::move(s)) {}
  std::shared_ptr<void> state;
};

c10::IValue in_graph(std::shared_ptr<void> state) {
  return c10::IValue::make_capsule(c10::make_intrusive<StateHolder>(std::move(state)));
}

template <class State>
State& state_of(AutogradContext* context) {
  const auto holder = context->saved_data["state"].toCapsule();
  return *static_cast<State*>(static_cast<StateHolder&>(*holder).state.get());
}

}  // namespace

/// Of one exchange, in both directions.
struct RowsOnTheirWay::State {
  Place place;
  std::vector<std::int64_t> send_rows, receive_rows;
  at::Tensor input, output;  // while they are in use
  Work work = {};

  void start(const at::Tensor& x, const std::vector<std::int64_t>& send,
             const std::vector<std::int64_t>& receive) {
    auto sizes = x.sizes().vec();
    sizes[0] = std::accumulate(receive.begin(), receive.end(), std::int64_t{0});
    input = x.detach().contiguous();
    output = at::empty(sizes, x.options().requires_grad(false));
    work = place.ranks->all_to_all(output, input, receive, send, place.label);
  }
  at::Tensor finish() {
    work.wait();
    input.reset();
    return std::move(output);
  }

  class Start;
  class Finish;
};

/// Forward: the rows set out. Backward: their gradients, which Finish has sent, arrive.
class RowsOnTheirWay::State::Start : public torch::autograd::Function<Start> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const std::shared_ptr<State>& state) {
    context->saved_data["state"] = in_graph(state);
    state->start(x, state->send_rows, state->receive_rows);
    return state->output;
  }
  static variable_list backward(AutogradContext* context, variable_list /*gradients*/) {
    return {state_of<State>(context).finish(), {}};
  }
};

/// Forward: the rows have arrived. Backward: their gradients set out, and Start gets a stand-in.
class RowsOnTheirWay::State::Finish : public torch::autograd::Function<Finish> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& received,
                            const std::shared_ptr<State>& state) {
    context->saved_data["state"] = in_graph(state);
    state->finish();
    return received.view_as(received);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    auto& state = state_of<State>(context);
    state.start(gradients[0], state.receive_rows, state.send_rows);
    return {at::zeros({}, gradients[0].options()).expand_as(gradients[0]), {}};
  }
};

RowsOnTheirWay::RowsOnTheirWay(const at::Tensor& x, std::span<const std::int64_t> send_rows,
                               std::span<const std::int64_t> receive_rows, Communicator& ranks,
                               const char* label)
    : state_(std::make_shared<State>(State{{&ranks, label},
                                           {send_rows.begin(), send_rows.end()},
                                           {receive_rows.begin(), receive_rows.end()},
                                           {},
                                           {}})) {
  if (at::GradMode::is_enabled())
    received_ = State::Start::apply(x, state_);
  else
    state_->start(x, state_->send_rows, state_->receive_rows);
}

at::Tensor RowsOnTheirWay::wait() {
  return received_.defined() ? State::Finish::apply(received_, state_) : state_->finish();
}

at::Tensor copy_to_ranks(const at::Tensor& x, Communicator& ranks, const char* label) {
  if (ranks.size() == 1 || !at::GradMode::is_enabled()) return x;
  return CopyToRanks::apply(x, Place{&ranks, label});
}

at::Tensor sum_over_ranks(const at::Tensor& x, Communicator& ranks, const char* label) {
  if (ranks.size() == 1) return x;
  if (!at::GradMode::is_enabled()) return summed(x, {&ranks, label});
  return SumOverRanks::apply(x, Place{&ranks, label});
}

at::Tensor sum_to_own_rows(const at::Tensor& x, Communicator& ranks, const char* label) {
  if (!at::GradMode::is_enabled()) return scattered_sum(x, {&ranks, label});
  return SumToOwnRows::apply(x, Place{&ranks, label});
}

at::Tensor gather_rows(const at::Tensor& x, std::int64_t num_rows, bool whole_gradient,
                       Communicator& ranks, const char* label) {
  if (!at::GradMode::is_enabled()) return gathered(x, num_rows, {&ranks, label});
  return GatherRows::apply(x, num_rows, whole_gradient, Place{&ranks, label});
}

at::Tensor exchange_rows(const at::Tensor& x, std::span<const std::int64_t> send_rows,
                         std::span<const std::int64_t> receive_rows, Communicator& ranks,
                         const char* label) {
  if (ranks.size() == 1) return x;
  const std::vector<std::int64_t> send(send_rows.begin(), send_rows.end()),
      receive(receive_rows.begin(), receive_rows.end());
  if (!at::GradMode::is_enabled()) return exchanged(x, send, receive, {&ranks, label});
  return ExchangeRows::apply(x, send, receive, Place{&ranks, label});
}

}  // namespace r1::parallel
