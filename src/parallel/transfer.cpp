#include "parallel/transfer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <deque>

namespace r1::parallel {
namespace {

constexpr std::size_t kRoundsInFlight = 2;  // the next round travels while one is unpacked

/// Calls use(box, its values in the message) for the boxes of a message.
template <class Use>
void for_each_box(const Message& message, const at::Tensor& bytes,
                  std::span<const at::ScalarType> dtypes, const Use& use) {
  std::int64_t begin = 0;
  for (const auto& box : message.boxes) {
    const auto dtype = dtypes[box.tensor];
    const auto size = volume(box.box.extent) * static_cast<std::int64_t>(c10::elementSize(dtype));
    use(box, bytes.narrow(0, begin, size).view(dtype).view(box.box.extent));
    begin += size;
  }
}

struct RoundInFlight {
  const TransferRound* round;
  std::vector<at::Tensor> sent, received;  // one message each
  std::vector<Work> works;
  std::int64_t bytes = 0;
};

class Transfer {
 public:
  Transfer(std::span<const at::ScalarType> dtypes, Communicator& ranks, const TransferEnds& ends,
           const char* label)
      : dtypes_(dtypes), ranks_(ranks), ends_(ends), label_(label) {}

  void start(const TransferRound& round) {
    if (in_flight_.size() == kRoundsInFlight) finish();
    RoundInFlight flight{&round, {}, {}, {}, 0};
    for (const auto& message : round.sends) flight.sent.push_back(packed(message));
    for (const auto& message : round.receives) flight.received.push_back(memory_for(message));
    for (const auto* messages : {&round.sends, &round.receives})
      for (const auto& message : *messages) flight.bytes += message.bytes;
    bytes_ += flight.bytes;
    most_bytes_ = std::max(most_bytes_, bytes_);
    if (flight.bytes > 0) launch(flight);
    in_flight_.push_back(std::move(flight));
  }

  std::int64_t finish_all() {
    while (!in_flight_.empty()) finish();
    return most_bytes_;
  }

 private:
  at::Tensor memory_for(const Message& message) const {
    return at::empty({message.bytes}, at::TensorOptions(ends_.device).dtype(at::kByte));
  }

  at::Tensor packed(const Message& message) const {
    const auto bytes = memory_for(message);
    for_each_box(message, bytes, dtypes_, [&](const TensorBox& box, const at::Tensor& values) {
      values.copy_(ends_.take(box));
    });
    return bytes;
  }

  void launch(RoundInFlight& flight) const {
    ranks_.group_begin();
    for (std::size_t i = 0; i < flight.received.size(); ++i)
      flight.works.push_back(
          ranks_.receive(flight.received[i], flight.round->receives[i].peer, label_));
    for (std::size_t i = 0; i < flight.sent.size(); ++i)
      flight.works.push_back(ranks_.send(flight.sent[i], flight.round->sends[i].peer, label_));
    ranks_.group_end();
  }

  /// The round that started first.
  void finish() {
    auto flight = std::move(in_flight_.front());
    in_flight_.pop_front();
    for (auto& work : flight.works) work.wait();
    for (const auto& box : flight.round->own)
      ends_.put(box, ends_.take(box).to(dtypes_[box.tensor]));
    for (std::size_t i = 0; i < flight.received.size(); ++i)
      for_each_box(flight.round->receives[i], flight.received[i], dtypes_, ends_.put);
    bytes_ -= flight.bytes;
  }

  std::span<const at::ScalarType> dtypes_;
  Communicator& ranks_;
  const TransferEnds& ends_;
  const char* label_;
  std::deque<RoundInFlight> in_flight_;
  std::int64_t bytes_ = 0, most_bytes_ = 0;
};

}  // namespace

std::int64_t transfer(const TransferPlan& plan, std::span<const at::ScalarType> dtypes,
                      Communicator& ranks, const TransferEnds& ends, const char* label) {
  const at::NoGradGuard no_grad;
  Transfer transfer(dtypes, ranks, ends, label);
  for (const auto& round : plan.rounds)
    if (!round.is_empty()) transfer.start(round);
  return transfer.finish_all();
}

}  // namespace r1::parallel
