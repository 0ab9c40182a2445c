#include "kernels/decode_slots.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "base/errors.h"
#include "base/random.h"
#include "kernels/cuda_library.h"
#include "kernels/sampling.h"

namespace r1::kernels {
namespace {

void append_tokens_cuda(const at::Tensor& logits, const DecodeSlots& slots, const DrawRules& rules,
                        const at::Tensor& slot_of_row, const at::Tensor& outputs) {
  const auto row = [&](SlotNumber number) {
    return slots.numbers.select(0, number).mutable_data_ptr<std::int64_t>();
  };
  const auto& table = *cuda_kernels();
  table.append_tokens(
      {logits.mutable_data_ptr<float>(),
       slot_of_row.defined() ? slot_of_row.const_data_ptr<std::int64_t>() : nullptr,
       rules.numbers.const_data_ptr<double>(), rules.end_ids.const_data_ptr<std::int64_t>(),
       outputs.mutable_data_ptr<double>(), logits.size(0), logits.size(1), logits.stride(0),
       rules.end_ids.numel(), outputs.stride(0)},
      {row(kToken), row(kPosition), row(kBlock), row(kOffset), row(kSeed), row(kDrawn), row(kLimit),
       slots.contexts.mutable_data_ptr<std::int32_t>(),
       slots.block_table.mutable_data_ptr<std::int32_t>(), slots.block_table.stride(0),
       slots.block_size, slots.spare_block},
      current_cuda_stream(logits));
  check_launch(table, "append_tokens");
}

/// Host copies of what append_tokens reads and writes; on the CPU the tensors themselves.
struct HostSlots {
  at::Tensor numbers, contexts, block_table;
  std::int64_t block_size, spare_block;

  std::int64_t& at(SlotNumber number, std::int64_t slot) {
    return numbers.mutable_data_ptr<std::int64_t>()[number * numbers.size(1) + slot];
  }

  void advance(std::int64_t slot, std::int64_t token, bool goes_on) {
    auto* blocks = block_table.mutable_data_ptr<std::int32_t>() + slot * block_table.size(1);
    if (!goes_on) blocks[0] = static_cast<std::int32_t>(spare_block);
    const auto position = goes_on ? at(kPosition, slot) + 1 : 0;
    at(kToken, slot) = goes_on ? token : 0;
    at(kPosition, slot) = position;
    at(kBlock, slot) = blocks[position / block_size];
    at(kOffset, slot) = position % block_size;
    contexts.mutable_data_ptr<std::int32_t>()[slot] = static_cast<std::int32_t>(position + 1);
    ++at(kDrawn, slot);
    if (!goes_on) at(kLimit, slot) = 0;
  }
};

/// Makes ids impossible in some rows.
void forbid(at::Tensor& logits, const std::vector<std::int64_t>& rows,
            const std::vector<std::int64_t>& ids) {
  if (rows.empty() || ids.empty()) return;
  const auto index = [&logits](const std::vector<std::int64_t>& values) {
    return at::tensor(values, at::kLong).to(logits.device());
  };
  logits.index_put_({index(rows).unsqueeze(1), index(ids).unsqueeze(0)},
                    at::scalar_tensor(-std::numeric_limits<double>::infinity(), logits.options()));
}

}  // namespace

void append_tokens_by_host(at::Tensor logits, const DecodeSlots& slots, const DrawRules& given,
                           const at::Tensor& slot_of_row, const at::Tensor& outputs) {
  HostSlots host{slots.numbers.cpu(), slots.contexts.cpu(), slots.block_table.cpu(),
                 slots.block_size, slots.spare_block};
  const auto rule_values = given.numbers.cpu(), all_end_ids = given.end_ids.cpu(),
             rows = slot_of_row.defined() ? slot_of_row.cpu() : at::Tensor();
  const auto* rules = rule_values.const_data_ptr<double>();
  std::vector<std::int64_t> end_ids, too_short;
  for (std::int64_t i = 0; i < all_end_ids.numel(); ++i)
    if (const auto id = all_end_ids.const_data_ptr<std::int64_t>()[i];
        id >= 0 && id < logits.size(1))
      end_ids.push_back(id);
  const auto slot_of = [&](std::int64_t row) {
    return rows.defined() ? rows.const_data_ptr<std::int64_t>()[row] : row;
  };
  std::vector<SampleRequest> requests;
  for (std::int64_t row = 0; row < logits.size(0); ++row) {
    const auto slot = slot_of(row), drawn = host.at(kDrawn, slot);
    requests.push_back({rules[kTemperature], rules[kTopP], static_cast<std::int64_t>(rules[kTopK]),
                        base::uniform(static_cast<std::uint64_t>(host.at(kSeed, slot)),
                                      static_cast<std::uint64_t>(drawn))});
    if (host.at(kLimit, slot) > 0 && drawn < static_cast<std::int64_t>(rules[kMinNewTokens]))
      too_short.push_back(row);
  }
  forbid(logits, too_short, end_ids);
  const auto tokens = requests.empty() ? std::vector<SampledToken>{} : sample(logits, requests);
  auto found = at::zeros({kNumDrawOutputs, logits.size(0)}, at::kDouble);
  auto* out = found.mutable_data_ptr<double>();
  for (std::int64_t row = 0; row < logits.size(0); ++row) {
    const auto slot = slot_of(row);
    const auto& drawn = tokens[static_cast<std::size_t>(row)];
    const bool idle = host.at(kLimit, slot) == 0;
    const bool ends = rules[kEndsAtEndIds] > 0.0 &&
                      std::find(end_ids.begin(), end_ids.end(), drawn.token) != end_ids.end();
    const bool at_limit = host.at(kDrawn, slot) + 1 >= host.at(kLimit, slot);
    const auto set = [&](DrawOutput output, double value) {
      out[output * logits.size(0) + row] = value;
    };
    set(kDrawnToken, idle ? -1.0 : static_cast<double>(drawn.token));
    if (idle) continue;
    set(kLogprob, drawn.logprob);
    set(kKeptMass, drawn.kept_mass);
    set(kState, ends ? kEnded : at_limit ? kAtLimit : kGoesOn);
    host.advance(slot, drawn.token, !ends && !at_limit);
  }
  outputs.narrow(1, 0, logits.size(0)).copy_(found);
  if (slots.numbers.is_cpu()) return;
  slots.numbers.copy_(host.numbers);
  slots.contexts.copy_(host.contexts);
  slots.block_table.copy_(host.block_table);
}

void append_tokens(at::Tensor logits, const DecodeSlots& slots, const DrawRules& rules,
                   const at::Tensor& slot_of_row, const at::Tensor& outputs) {
  if (cuda_kernels_for(logits) != nullptr && logits.scalar_type() == at::kFloat &&
      logits.stride(1) == 1)
    append_tokens_cuda(logits, slots, rules, slot_of_row, outputs);
  else
    append_tokens_by_host(logits, slots, rules, slot_of_row, outputs);
}

}  // namespace r1::kernels
