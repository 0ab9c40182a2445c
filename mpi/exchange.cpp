#include "mpi/exchange.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "base/errors.h"
#include "base/log.h"
#include "mpi/back_off.h"
#include "mpi/call_registry.h"
#include "mpi/message.h"
#include "mpi/row_type.h"
#include "mpi/traffic.h"

namespace r1::mpi {
namespace {

constexpr int kMaxTag = 32767;  // what MPI promises every implementation allows
constexpr const char* kName = "exchange";

void count_message(std::int64_t bytes) {
  TrafficCounter::instance().add({1, bytes});
}

bool all_done(std::vector<MPI_Request>& requests) {
  int done = 1;
  if (!requests.empty())
    check_mpi(
        MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
        "MPI_Testall", kName);
  return done != 0;
}

// Calls transfer(bytes, count) for pieces that MPI can count.
template <class F>
void in_pieces(const at::Tensor& tensor, F transfer) {
  const auto bytes = static_cast<std::int64_t>(tensor.nbytes());
  auto* data = static_cast<std::byte*>(tensor.mutable_data_ptr());
  for (std::int64_t begin = 0; begin < bytes; begin += kMaxCount)
    transfer(data + begin, static_cast<int>(std::min(kMaxCount, bytes - begin)));
}

}  // namespace

struct Exchange::Outgoing {
  int to = 0;
  std::string head;
  std::vector<at::Tensor> tensors;
  std::vector<MPI_Request> requests;
};

struct Exchange::Incoming {
  std::string origin;
  std::string head;
  std::vector<MPI_Request> requests;
  std::optional<MessageHead> parsed;
  std::vector<at::Tensor> tensors;
  bool complete = false;
  Encoded encoded;

  // Head first; it says which tensors to expect.
  void progress(MPI_Comm bodies, int from, int tag) {
    if (complete || !all_done(requests)) return;
    if (!parsed) {
      parsed = read_head(head, origin);
      head.clear();
      receive_tensors(bodies, from, tag);
      if (!all_done(requests)) return;
    }
    for (std::size_t i = 0; i < tensors.size(); ++i)
      check_tensor(tensors[i], parsed->tensors[i], i, origin);
    encoded = {std::move(parsed->type), std::move(parsed->archive), std::move(tensors)};
    complete = true;
  }

  void receive_tensors(MPI_Comm bodies, int from, int tag) {
    requests.clear();
    for (const auto& description : parsed->tensors) {
      tensors.push_back(at::empty(description.shape, at::TensorOptions(description.dtype)));
      in_pieces(tensors.back(), [&](std::byte* data, int count) {
        count_message(count);
        check_mpi(MPI_Irecv(data, count, MPI_BYTE, from, tag, bodies,
                            &requests.emplace_back(MPI_REQUEST_NULL)),
                  "MPI_Irecv", kName);
      });
    }
  }
};

Exchange::Exchange(MPI_Comm parent)
    : heads_(CommHandle::duplicate(parent, kName)), bodies_(CommHandle::duplicate(parent, kName)) {
  check_mpi(MPI_Comm_rank(parent, &rank_), "MPI_Comm_rank", kName);
  check_mpi(MPI_Comm_size(parent, &size_), "MPI_Comm_size", kName);
}

Exchange::~Exchange() {
  const bool receiving = std::any_of(inbox_.begin(), inbox_.end(), [](const auto& entry) {
    return std::any_of(entry.second.begin(), entry.second.end(),
                       [](const auto& message) { return !message.complete; });
  });
  if (outgoing_.empty() && !receiving) return;
  base::log_warning("rank {}: {} messages were still being sent at the end", rank_,
                    outgoing_.size());
  // MPI may still use their memory.
  new std::list<Outgoing>(std::move(outgoing_));
  new auto(std::move(inbox_));
}

void Exchange::check_arguments(int peer, int tag) const {
  if (peer < 0 || peer >= size_ || tag < 0 || tag > kMaxTag)
    throw base::MpiError(
        fmt::format("rank {}: message: expected a peer of 0..{} and a tag of 0..{}, found {} and "
                    "{}",
                    rank_, size_ - 1, kMaxTag, peer, tag));
}

void Exchange::send_encoded(int to, int tag, Encoded encoded) {
  check_arguments(to, tag);
  for (auto& tensor : encoded.tensors) tensor = tensor.detach().to(at::kCPU).contiguous();
  if (to == rank_) {
    for (auto& tensor : encoded.tensors) tensor = tensor.clone();  // the receiver owns its copy
    auto& message = inbox_[{rank_, tag}].emplace_back();
    message.encoded = std::move(encoded);
    message.complete = true;
    return;
  }
  auto& out = outgoing_.emplace_back();
  out.to = to;
  out.head = write_head(encoded);
  out.tensors = std::move(encoded.tensors);
  if (out.head.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw base::MpiError(
        fmt::format("rank {}: message of type {}: {} bytes beside its tensors, "
                    "expected less than 2^31",
                    rank_, encoded.type, out.head.size()));
  count_message(static_cast<std::int64_t>(out.head.size()));
  check_mpi(MPI_Isend(out.head.data(), static_cast<int>(out.head.size()), MPI_BYTE, to, tag,
                      heads_.get(), &out.requests.emplace_back(MPI_REQUEST_NULL)),
            "MPI_Isend", kName);
  for (const auto& tensor : out.tensors)
    in_pieces(tensor, [&](std::byte* data, int count) {
      count_message(count);
      check_mpi(MPI_Isend(data, count, MPI_BYTE, to, tag, bodies_.get(),
                          &out.requests.emplace_back(MPI_REQUEST_NULL)),
                "MPI_Isend", kName);
    });
}

std::optional<Encoded> Exchange::take(int from, int tag) {
  check_arguments(from, tag);
  const auto entry = inbox_.find({from, tag});
  if (entry == inbox_.end() || entry->second.empty() || !entry->second.front().complete)
    return std::nullopt;
  auto encoded = std::move(entry->second.front().encoded);
  entry->second.pop_front();
  return encoded;
}

Encoded Exchange::wait_for(int from, int tag, const char* label) {
  check_arguments(from, tag);
  BackOff back_off;
  std::optional<CallRegistry::Waiting> waiting;
  for (;;) {
    progress();
    if (auto encoded = take(from, tag)) return std::move(*encoded);
    if (from == rank_)
      throw base::MpiError(fmt::format("rank {}: message '{}' (tag {}) from itself was never sent",
                                       rank_, label, tag));
    if (back_off.sleeps() && !waiting)
      waiting.emplace(CallRegistry::instance(),
                      PendingCall{"receive", fmt::format("{}, tag {}", label, tag), kName, 0, from,
                                  Patience::Role, 0.0});
    back_off.pause();
  }
}

void Exchange::check_type(const Encoded& encoded, const std::string& expected, int from,
                          int tag) const {
  if (encoded.type != expected)
    throw base::MpiError(
        fmt::format("rank {}: message from rank {} with tag {}: expected type {}, found {}", rank_,
                    from, tag, expected, encoded.type));
}

void Exchange::progress() {
  progress_outgoing();
  accept_new_messages();
  progress_incoming();
}

void Exchange::progress_outgoing() {
  for (auto out = outgoing_.begin(); out != outgoing_.end();)
    out = all_done(out->requests) ? outgoing_.erase(out) : std::next(out);
}

void Exchange::accept_new_messages() {
  for (;;) {
    int found = 0;
    MPI_Message handle = MPI_MESSAGE_NULL;
    MPI_Status status;
    check_mpi(MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, heads_.get(), &found, &handle, &status),
              "MPI_Improbe", kName);
    if (found == 0) return;
    int bytes = 0;
    check_mpi(MPI_Get_count(&status, MPI_BYTE, &bytes), "MPI_Get_count", kName);
    auto& message = inbox_[{status.MPI_SOURCE, status.MPI_TAG}].emplace_back();
    message.origin = fmt::format("from rank {} to rank {} with tag {}", status.MPI_SOURCE, rank_,
                                 status.MPI_TAG);
    message.head.resize(static_cast<std::size_t>(bytes));
    count_message(bytes);
    check_mpi(MPI_Imrecv(message.head.data(), bytes, MPI_BYTE, &handle,
                         &message.requests.emplace_back(MPI_REQUEST_NULL)),
              "MPI_Imrecv", kName);
  }
}

void Exchange::progress_incoming() {
  for (auto& [key, messages] : inbox_)
    for (auto& message : messages) {
      message.progress(bodies_.get(), key.first, key.second);
      // Tensors of later messages must be matched after this one's.
      if (!message.complete && !message.parsed) break;
    }
}

void Exchange::flush(const char* label) {
  BackOff back_off;
  std::optional<CallRegistry::Waiting> waiting;
  for (progress(); !outgoing_.empty(); progress()) {
    if (back_off.sleeps() && !waiting)
      waiting.emplace(
          CallRegistry::instance(),
          PendingCall{"flush", label, kName, 0, outgoing_.front().to, Patience::Role, 0.0});
    back_off.pause();
  }
}

std::size_t Exchange::num_outgoing() const {
  return outgoing_.size();
}

}  // namespace r1::mpi
