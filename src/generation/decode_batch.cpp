#include "generation/decode_batch.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "base/errors.h"
#include "generation/kv_cache.h"
#include "generation/scheduler.h"
#include "kernels/cuda/kernel_table.h"
#include "kernels/decode_attention.h"
#include "vocabulary/vocab_head.h"

namespace r1::generation {
namespace {

using kernels::SlotNumber;

/// Numbers of rows that graphs are recorded for; above the last, its multiples.
constexpr std::array<std::int64_t, 14> kRows{1,  2,  4,  8,   16,  24,  32,
                                             48, 64, 96, 128, 192, 256, 384};
constexpr std::int64_t kRowStep = 128;
constexpr std::int64_t kLeastEndIds = 16;  // room for other rules without other graphs

std::int64_t graph_rows(std::int64_t num_slots) {
  const auto* size = std::lower_bound(kRows.begin(), kRows.end(), num_slots);
  return size != kRows.end() ? *size : blocks_for(num_slots, kRowStep) * kRowStep;
}

}  // namespace

DecodeBatch::DecodeBatch(const models::Model& model, nn::KvCache& cache,
                         const EngineOptions& options, std::int64_t num_slots,
                         std::int64_t table_width, std::int64_t spare_block)
    : model_(model), cache_(cache) {
  const auto layout = model.cache_layout();
  attention_form_ =
      kernels::paged_attention_form(cache.keys[0], cache.values[0], layout.heads_per_kv_head);
  const bool has_kernel = attention_form_ == kernels::PagedAttentionForm::CudaKernel;
  uses_graphs_ = has_kernel && !options.enforce_eager && model.can_be_recorded();
  const auto size = uses_graphs_ ? graph_rows(num_slots) : num_slots;
  slots_ = {at::zeros({kernels::kNumSlotNumbers, size}, on_device(at::kLong)),
            at::ones({size}, on_device(at::kInt)),
            at::zeros({size, table_width}, on_device(at::kInt)), options.block_size, spare_block};
  rules_ = {at::zeros({kernels::kNumDrawRules}, on_device(at::kDouble)),
            at::full({kLeastEndIds}, -1, on_device(at::kLong))};
  outputs_ = at::zeros({kernels::kNumDrawOutputs, size}, on_device(at::kDouble));
  if (has_kernel)
    counters_ =
        at::zeros({kernels::decode_attention_counters(
                      size, layout.num_kv_heads * layout.heads_per_kv_head, layout.num_kv_heads)},
                  on_device(at::kInt));
}

bool DecodeBatch::holds(std::int64_t num_slots, std::int64_t table_width) const {
  return slots_.contexts.size(0) >= num_slots && slots_.block_table.size(1) >= table_width;
}

void DecodeBatch::begin(const SamplingOptions& sampling, const StopRules& stop) {
  R1_CHECK(launched_.empty(), "a decode step that nobody collected");
  drop_moved_graphs();
  auto numbers = at::zeros({kernels::kNumDrawRules}, at::kDouble);
  auto* values = numbers.mutable_data_ptr<double>();
  values[kernels::kTemperature] = sampling.greedy ? 0.0 : sampling.temperature;
  values[kernels::kTopP] = sampling.top_p;
  values[kernels::kTopK] = static_cast<double>(sampling.top_k);
  values[kernels::kMinNewTokens] = static_cast<double>(sampling.min_new_tokens);
  values[kernels::kEndsAtEndIds] = sampling.ignore_eos ? 0.0 : 1.0;
  rules_.numbers.copy_(numbers);
  std::vector<std::int64_t> ids(stop.eos_token_ids.begin(), stop.eos_token_ids.end());
  if (static_cast<std::int64_t>(ids.size()) > rules_.end_ids.numel()) {
    graphs_.clear();
    rules_.end_ids = at::empty({static_cast<std::int64_t>(ids.size())}, on_device(at::kLong));
  }
  ids.resize(static_cast<std::size_t>(rules_.end_ids.numel()), -1);
  rules_.end_ids.copy_(at::tensor(ids, at::kLong));
  changes_.clear();
  added_blocks_.clear();
  slots_.numbers.zero_();
  slots_.numbers.select(0, SlotNumber::kBlock).fill_(slots_.spare_block);
  slots_.contexts.fill_(1);
  slots_.block_table.fill_(slots_.spare_block);
}

/// Weights that change in place leave the graphs valid; other tensors in their place do not.
void DecodeBatch::drop_moved_graphs() {
  std::vector<const void*> now;
  for (const auto* list : {&model_.parameters(), &model_.adapters()})
    for (const auto& parameter : *list) now.push_back(parameter.value.const_data_ptr());
  if (now != weights_) graphs_.clear();
  weights_ = std::move(now);
}

std::int64_t DecodeBatch::rows_for(std::int64_t num_slots) const {
  return uses_graphs_ ? graph_rows(num_slots) : num_slots;
}

void DecodeBatch::fill(SlotContent content) {
  R1_CHECK(static_cast<std::int64_t>(content.blocks.size()) <= slots_.block_table.size(1),
           "{} blocks do not fit into the table of {}", content.blocks.size(),
           slots_.block_table.size(1));
  // A slot's last content counts: writing a slot twice at once has no order.
  const auto is_same = [&](const auto& other) { return other.slot == content.slot; };
  std::erase_if(changes_, is_same);
  std::erase_if(added_blocks_, is_same);
  changes_.push_back(std::move(content));
}

void DecodeBatch::add_block(std::int64_t slot, std::int64_t number, std::int32_t block) {
  R1_CHECK(number < slots_.block_table.size(1), "block {} does not fit into the table of {}",
           number, slots_.block_table.size(1));
  const auto change = std::find_if(changes_.begin(), changes_.end(),
                                   [slot](const auto& other) { return other.slot == slot; });
  if (change != changes_.end())
    change->blocks.push_back(block);
  else
    added_blocks_.push_back({slot, number, block});
}

void DecodeBatch::clear(std::int64_t slot) {
  SlotContent idle;
  idle.slot = slot;
  idle.blocks = {static_cast<std::int32_t>(slots_.spare_block)};
  fill(std::move(idle));
}

void DecodeBatch::move(std::int64_t from, std::int64_t to) {
  flush();
  const auto copy = [&](at::Tensor x, std::int64_t dim) {
    x.select(dim, to).copy_(x.select(dim, from));
  };
  copy(slots_.numbers, 1);
  copy(slots_.contexts, 0);
  copy(slots_.block_table, 0);
  clear(from);
}

/// One transfer, and one operation on the table.
void DecodeBatch::flush_added_blocks() {
  if (added_blocks_.empty()) return;
  const auto count = static_cast<std::int64_t>(added_blocks_.size()),
             width = slots_.block_table.size(1);
  auto places_and_blocks = at::empty({2, count}, at::kLong);
  auto* values = places_and_blocks.mutable_data_ptr<std::int64_t>();
  for (const auto& added : added_blocks_) {
    values[count] = added.block;
    *values++ = added.slot * width + added.number;
  }
  added_blocks_.clear();
  const auto there = to_device(places_and_blocks);
  slots_.block_table.view(-1).index_copy_(0, there[0], there[1].to(at::kInt));
}

void DecodeBatch::flush() {
  flush_added_blocks();
  if (changes_.empty()) return;
  const auto count = static_cast<std::int64_t>(changes_.size()), width = slots_.block_table.size(1);
  auto numbers = at::empty({kernels::kNumSlotNumbers, count}, at::kLong);
  auto contexts = at::empty({count}, at::kInt);
  auto table = at::full({count, width}, slots_.spare_block, at::kInt);
  auto index = at::empty({count}, at::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto& change = changes_[static_cast<std::size_t>(i)];
    const auto set = [&](SlotNumber number, std::int64_t value) {
      numbers.mutable_data_ptr<std::int64_t>()[number * count + i] = value;
    };
    set(SlotNumber::kToken, change.token);
    set(SlotNumber::kPosition, change.position);
    set(SlotNumber::kBlock,
        change.blocks[static_cast<std::size_t>(change.position / slots_.block_size)]);
    set(SlotNumber::kOffset, change.position % slots_.block_size);
    set(SlotNumber::kSeed, static_cast<std::int64_t>(change.seed));
    set(SlotNumber::kDrawn, change.drawn);
    set(SlotNumber::kLimit, change.limit);
    contexts.mutable_data_ptr<std::int32_t>()[i] = static_cast<std::int32_t>(change.position) + 1;
    index.mutable_data_ptr<std::int64_t>()[i] = change.slot;
    std::copy(change.blocks.begin(), change.blocks.end(),
              table.mutable_data_ptr<std::int32_t>() + i * width);
  }
  changes_.clear();
  const auto slots = to_device(index);
  slots_.numbers.index_copy_(1, slots, to_device(numbers));
  slots_.contexts.index_copy_(0, slots, to_device(contexts));
  slots_.block_table.index_copy_(0, slots, to_device(table));
}

at::TensorOptions DecodeBatch::on_device(at::ScalarType dtype) const {
  return at::TensorOptions(model_.device()).dtype(dtype);
}

at::Tensor DecodeBatch::to_device(const at::Tensor& host) const {
  return tensor::to_device(host, model_.device());
}

at::Tensor DecodeBatch::draw(const at::Tensor& logits, const std::vector<std::int64_t>& slots) {
  flush();
  auto outputs = at::empty({kernels::kNumDrawOutputs, logits.size(0)}, on_device(at::kDouble));
  kernels::append_tokens(logits, slots_, rules_, to_device(at::tensor(slots, at::kLong)), outputs);
  return outputs.cpu();
}

/// The work of a decode step, as it is recorded.
void DecodeBatch::step(std::int64_t rows, std::int64_t longest) {
  const auto of_rows = [rows](const at::Tensor& x) { return x.narrow(0, 0, rows); };
  const auto number = [&](SlotNumber which) { return of_rows(slots_.numbers.select(0, which)); };
  kernels::PagedAttention paged{
      of_rows(slots_.block_table), of_rows(slots_.contexts), {}, counters_};
  if (attention_form_ == kernels::PagedAttentionForm::Gather) {  // over no more than needed
    paged.block_table =
        paged.block_table.narrow(1, 0, blocks_for(longest, cache_.block_size)).contiguous();
    paged.gather = kernels::make_paged_gather(paged.block_table, paged.context_lengths,
                                              model_.cache_layout().num_kv_heads, cache_.block_size,
                                              model_.dtype());
  }
  models::ModelInput input{
      number(SlotNumber::kToken),
      number(SlotNumber::kPosition),
      {std::move(paged), &cache_, {number(SlotNumber::kBlock), number(SlotNumber::kOffset)}}};
  kernels::append_tokens(
      vocabulary::gather_logits(forward_into_cache(model_, input), model_.head()), slots_, rules_,
      {}, outputs_);
}

/// Recording runs the step once for real: the slots get back what they held. What the step wrote
/// into the cache is what it writes again.
const kernels::CudaGraph& DecodeBatch::graph_for(std::int64_t rows) {
  if (const auto found = graphs_.find(rows); found != graphs_.end()) return found->second;
  const auto numbers = slots_.numbers.clone(), contexts = slots_.contexts.clone(),
             table = slots_.block_table.clone();
  kernels::CudaGraph graph;
  const auto restore = [&] {
    slots_.numbers.copy_(numbers);
    slots_.contexts.copy_(contexts);
    slots_.block_table.copy_(table);
  };
  graph.capture([&] { step(rows, 0); }, graphs_.empty() ? nullptr : &graphs_.begin()->second);
  restore();
  return graphs_.emplace(rows, std::move(graph)).first->second;
}

void DecodeBatch::launch(std::int64_t rows, std::int64_t longest) {
  flush();
  if (uses_graphs_)
    graph_for(rows).replay();
  else
    step(rows, longest);
  launched_.emplace_back(outputs_);
}

at::Tensor DecodeBatch::collect() {
  const auto oldest = std::move(launched_.front());
  launched_.pop_front();
  return oldest.wait();
}

}  // namespace r1::generation
