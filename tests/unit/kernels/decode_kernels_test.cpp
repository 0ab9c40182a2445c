// The doors of a decode step on the CPU and on a GPU against plain forms: attention over a paged
// cache, rotation into the cache, the draw that ends a step.
#include "kernels/decode_attention.h"
#include "kernels/decode_slots.h"
#include "kernels/latents_into_cache.h"
#include "kernels/rotate_into_cache.h"
#include "unit/kernels/kernel_test.h"

namespace r1::kernels {
namespace {

struct Heads {
  std::int64_t queries, keys, width;
};

/// A cache whose sequences hold the given numbers of tokens, in blocks in a mixed order.
struct Cache {
  at::Tensor keys, values, table, contexts;

  Cache(const std::vector<std::int64_t>& lengths, std::int64_t block_size, const Heads& heads) {
    std::int64_t width = 1;
    for (const auto length : lengths)
      width = std::max(width, (length + block_size - 1) / block_size);
    const auto rows = static_cast<std::int64_t>(lengths.size());
    at::manual_seed(11);
    const auto blocks = rows * width + 1;
    table = at::randperm(blocks, at::kLong).slice(0, 0, rows * width).view({rows, width});
    contexts = at::tensor(lengths, at::kLong);
    keys = at::randn({blocks, heads.keys, block_size, heads.width}, at::kDouble);
    values = at::randn(keys.sizes(), at::kDouble);
  }
};

/// Softmax attention in fp64, sequence by sequence.
at::Tensor attention_in_fp64(const at::Tensor& query, const Cache& cache, double scale) {
  const auto heads = query.size(1), kv_heads = cache.keys.size(1);
  std::vector<at::Tensor> rows;
  for (std::int64_t row = 0; row < query.size(0); ++row) {
    const auto length = cache.contexts[row].item<std::int64_t>();
    const auto tokens_of = [&](const at::Tensor& side) {  // [H, length, Dh]
      return side.index_select(0, cache.table[row])
          .transpose(0, 1)
          .reshape({kv_heads, -1, side.size(3)})
          .narrow(1, 0, length)
          .repeat_interleave(heads / kv_heads, 0);
    };
    const auto scores = at::matmul(tokens_of(cache.keys), query[row].unsqueeze(2)) * scale;
    rows.push_back((at::softmax(scores, 1) * tokens_of(cache.values)).sum(1));
  }
  return at::stack(rows);
}

class DecodeKernels : public test::KernelTest {
 protected:
  at::Tensor rounded(const at::Tensor& x) const { return x.to(dtype()).to(at::kDouble); }
  /// Results that have no value but 0 are compared by their sizes alone.
  void expect_near(const test::Tensors& found, const test::Tensors& expected) const {
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].sizes(), expected[i].sizes());
      if (expected[i].numel() > 0 && expected[i].abs().max().item<double>() > 0.0) {
        EXPECT_LT(difference(found[i], expected[i]), tolerance()) << "result " << i;
      }
    }
  }
  bool has_kernels() const { return GetParam().gpu && dtype() != at::kDouble; }
};

TEST_P(DecodeKernels, AttentionEqualsThePlainForm) {
  if (!has_kernels()) GTEST_SKIP() << "the form of CUDA kernels alone";
  const std::vector<std::vector<std::int64_t>> all_lengths{
      {1}, {17, 1, 64, 300}, {1000, 3}, std::vector<std::int64_t>(70, 90)};
  for (const auto& heads : {Heads{6, 2, 128}, Heads{9, 3, 64}, Heads{16, 1, 64}, Heads{12, 1, 128},
                            Heads{4, 4, 80}, Heads{3, 1, 256}})
    for (const std::int64_t block_size : {16, 32, 4})
      for (const auto& lengths : all_lengths) {
        SCOPED_TRACE(fmt::format("{} heads of {}, {} rows, blocks of {}", heads.queries,
                                 heads.width, lengths.size(), block_size));
        Cache cache(lengths, block_size, heads);
        cache.keys = rounded(cache.keys);
        cache.values = rounded(cache.values);
        const auto rows = static_cast<std::int64_t>(lengths.size());
        const auto query = rounded(random({rows, heads.queries, heads.width}, 3));
        const double scale = 1.0 / std::sqrt(static_cast<double>(heads.width));
        const auto keys = here(cache.keys.to(dtype())), values = here(cache.values.to(dtype()));
        ASSERT_TRUE(takes_decode_attention(keys, values, heads.queries / heads.keys));
        const auto counters = here(at::zeros({rows * heads.keys}, at::kInt));

        for (int launch = 0; launch < 2; ++launch) {  // the counters are as they were
          const auto found = decode_attention(here(query.to(dtype())), keys, values,
                                              here(cache.table.to(at::kInt)),
                                              here(cache.contexts.to(at::kInt)), counters, scale);

          EXPECT_LT(difference(found, attention_in_fp64(query, cache, scale)), tolerance());
        }
      }
}

TEST_P(DecodeKernels, LatentAttentionEqualsThePlainForm) {
  if (!has_kernels() || dtype() != at::kBFloat16) GTEST_SKIP() << "the form of CUDA kernels alone";
  constexpr std::int64_t kKey = 576, kValue = 512;
  const std::vector<std::vector<std::int64_t>> all_lengths{
      {1}, {33, 1, 64, 300, 31}, {1000, 3, 5000}, std::vector<std::int64_t>(70, 190)};
  for (const std::int64_t num_heads : {1, 8, 16, 32, 128})
    for (const std::int64_t block_size : {16, 4, 32})
      for (const auto& lengths : all_lengths) {
        SCOPED_TRACE(
            fmt::format("{} heads, {} rows, blocks of {}", num_heads, lengths.size(), block_size));
        Cache cache(lengths, block_size, {num_heads, 1, kKey});
        cache.keys = rounded(cache.keys);
        cache.values = cache.keys.narrow(3, 0, kValue);
        const auto rows = static_cast<std::int64_t>(lengths.size());
        const auto query = rounded(random({rows, num_heads, kKey}, 3));
        const auto keys = here(cache.keys.to(dtype()));
        const auto values = keys.narrow(3, 0, kValue);
        ASSERT_TRUE(takes_decode_attention(keys, values, num_heads));
        const auto counters =
            here(at::zeros({decode_attention_counters(rows, num_heads, 1)}, at::kInt));

        for (int launch = 0; launch < 2; ++launch) {  // the counters are as they were
          const auto found = decode_attention(here(query.to(dtype())), keys, values,
                                              here(cache.table.to(at::kInt)),
                                              here(cache.contexts.to(at::kInt)), counters, 0.05);

          EXPECT_LT(difference(found, attention_in_fp64(query, cache, 0.05)), tolerance());
        }
      }
}

TEST_P(DecodeKernels, LatentsBehindTheContextAreNotRead) {
  if (!has_kernels() || dtype() != at::kBFloat16) GTEST_SKIP() << "the form of CUDA kernels alone";
  Cache cache({5}, 16, {16, 1, 576});
  cache.keys.slice(2, 5).fill_(std::numeric_limits<double>::quiet_NaN());
  const auto keys = here(cache.keys.to(dtype()));
  const auto found = decode_attention(
      here(random({1, 16, 576}, 3)), keys, keys.narrow(3, 0, 512), here(cache.table.to(at::kInt)),
      here(cache.contexts.to(at::kInt)), here(at::zeros({1}, at::kInt)), 0.1);
  EXPECT_TRUE(found.isfinite().all().item<bool>());
}

TEST_P(DecodeKernels, LatentsIntoCacheEqualsThePlainForm) {
  struct Widths {
    std::int64_t heads, nope, rope, latent;
  };
  for (const bool interleaved : {false, true})
    for (const auto& w : {Widths{16, 128, 64, 512}, Widths{3, 24, 16, 40}, Widths{1, 8, 2, 1024}})
      for (const std::int64_t rows : {0, 1, 35}) {
        SCOPED_TRACE(fmt::format("rows {}, latent {}", rows, w.latent));
        const auto queries = random({rows, w.heads, w.nope + w.rope}, 1),
                   latents = random({rows, w.latent + w.rope}, 2), weight = random({w.latent}, 3);
        at::manual_seed(5);
        const auto place = at::randperm(40, at::kLong).slice(0, 0, rows);
        const auto run = [&](auto door, at::Device device, at::ScalarType type) {
          const auto at_place = [&](const at::Tensor& x) { return x.to(device); };
          const auto moved_queries = at_place(queries.to(type));
          auto cache =
              at::zeros({10, 1, 4, w.latent + w.rope}, at::TensorOptions(device).dtype(type));
          const at::NoGradGuard no_grad;
          const auto absorbed =
              door(moved_queries, at_place(latents.to(type)), {at_place(weight.to(type)), 1e-6},
                   rope_table(moved_queries, rows, w.rope / 2), interleaved, cache,
                   {at_place(place.floor_divide(4)), at_place(place.remainder(4))});
          return std::vector<at::Tensor>{absorbed.narrow(2, w.latent, w.rope), cache};
        };

        const auto found = run(latents_into_cache, GetParam().device(), dtype());

        const auto expected = run(latents_into_cache_reference, at::kCPU, at::kDouble);
        expect_near(found, expected);
      }
}

TEST_P(DecodeKernels, WhatLiesBehindTheContextIsNotRead) {
  if (!has_kernels()) GTEST_SKIP() << "the form of CUDA kernels alone";
  const Heads heads{4, 2, 64};
  Cache cache({5}, 16, heads);
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  cache.keys.slice(2, 5).fill_(nan);
  cache.values.slice(2, 5).fill_(nan);
  const auto found =
      decode_attention(here(random({1, 4, 64}, 3)), here(cache.keys.to(dtype())),
                       here(cache.values.to(dtype())), here(cache.table.to(at::kInt)),
                       here(cache.contexts.to(at::kInt)), here(at::zeros({2}, at::kInt)), 0.1);
  EXPECT_TRUE(found.isfinite().all().item<bool>());
}

TEST_P(DecodeKernels, RotateIntoCacheEqualsThePlainForm) {
  for (const bool with_norms : {false, true})
    for (const auto& heads : {Heads{6, 2, 128}, Heads{9, 3, 64}, Heads{5, 5, 16}, Heads{2, 1, 256}})
      for (const std::int64_t rows : {0, 1, 35}) {
        SCOPED_TRACE(fmt::format("rows {}, width {}", rows, heads.width));
        const auto fused = random({rows, (heads.queries + 2 * heads.keys) * heads.width}, 1);
        const HeadNorms norms =
            with_norms ? HeadNorms{random({heads.width}, 2), random({heads.width}, 3), 1e-6}
                       : HeadNorms{};
        at::manual_seed(5);
        const auto place = at::randperm(40, at::kLong).slice(0, 0, rows);
        const auto run = [&](auto door, at::Device device, at::ScalarType type) {
          const auto at_place = [&](const at::Tensor& x) { return x.to(device); };
          const auto moved_rows = at_place(fused.to(type));
          auto keys =
              at::zeros({10, heads.keys, 4, heads.width}, at::TensorOptions(device).dtype(type));
          auto values = at::zeros_like(keys);
          HeadNorms moved{{}, {}, norms.epsilon};
          if (with_norms)
            moved = {at_place(norms.query.to(type)), at_place(norms.key.to(type)), 1e-6};
          const at::NoGradGuard no_grad;
          const auto query =
              door(moved_rows, rope_table(moved_rows, rows, heads.width / 2), moved, keys, values,
                   {at_place(place.floor_divide(4)), at_place(place.remainder(4))});
          return std::vector<at::Tensor>{query, keys, values};
        };

        const auto found = run(rotate_into_cache, GetParam().device(), dtype());

        const auto expected = run(rotate_into_cache_reference, at::kCPU, at::kDouble);
        expect_near(found, expected);
      }
}

INSTANTIATE_TEST_SUITE_P(Places, DecodeKernels, ::testing::ValuesIn(test::all_places()),
                         test::place_name);

/// Slots on a device with all that append_tokens needs.
struct Batch {
  DecodeSlots slots;
  DrawRules rules;
  at::Tensor outputs;

  Batch(std::int64_t num_slots, at::Device device, const std::vector<double>& numbers,
        const std::vector<std::int64_t>& end_ids) {
    auto values = at::zeros({kNumSlotNumbers, num_slots}, at::kLong);
    for (std::int64_t slot = 0; slot < num_slots; ++slot) {
      values[kPosition][slot] = 7 + slot;
      values[kSeed][slot] = -1000 - slot;  // seeds have 64 bits
      values[kDrawn][slot] = slot % 5;
      values[kLimit][slot] = slot % 7 == 6 ? 0 : slot % 7 == 5 ? slot % 5 + 1 : 100;
    }
    const auto table = at::arange(num_slots * 40, at::kInt).view({num_slots, 40});
    slots = {values.to(device), at::ones({num_slots}, at::kInt).to(device), table.to(device), 4,
             99999};
    rules = {at::tensor(numbers, at::kDouble).to(device),
             at::tensor(end_ids, at::kLong).to(device)};
    outputs = at::full({kNumDrawOutputs, num_slots + 3}, -7.0, at::kDouble).to(device);
  }
};

class AppendTokens : public test::KernelTest {
 protected:
  /// Rows as they come from a head: `logits` in the place's wide dtype.
  void expect_equal_draws(const at::Tensor& logits, const std::vector<double>& rules,
                          const std::vector<std::int64_t>& end_ids, bool mixed) const {
    const auto rows = logits.size(0), num_slots = mixed ? 2 * rows : rows;
    at::manual_seed(13);
    const auto order = mixed ? at::randperm(num_slots, at::kLong).slice(0, 0, rows) : at::Tensor();
    const auto run = [&](auto door, at::Device device, at::ScalarType type) {
      Batch batch(num_slots, device, rules, end_ids);
      door(logits.to(type).to(device).clone(), batch.slots, batch.rules,
           mixed ? order.to(device) : order, batch.outputs);
      return std::vector<at::Tensor>{batch.outputs.cpu(), batch.slots.numbers.cpu(),
                                     batch.slots.contexts.cpu(), batch.slots.block_table.cpu()};
    };

    const auto found = run(append_tokens, GetParam().device(), wide());

    const auto expected = run(append_tokens_by_host, at::kCPU, at::kDouble);
    std::int64_t others = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
      SCOPED_TRACE(fmt::format("row {}", row));
      const auto slot = mixed ? order[row].item<std::int64_t>() : row;
      const auto a = found[0].select(1, row), b = expected[0].select(1, row);
      // A random number within rounding of a boundary may fall to either side of it.
      if (a[kDrawnToken].item<double>() != b[kDrawnToken].item<double>()) {
        ++others;
        continue;
      }
      EXPECT_LT((a - b).abs().max().item<double>(), dtype() == at::kDouble ? 1e-12 : 1e-4);
      EXPECT_TRUE(at::equal(found[1].select(1, slot), expected[1].select(1, slot)))
          << found[1].select(1, slot) << expected[1].select(1, slot);
      EXPECT_TRUE(at::equal(found[2][slot], expected[2][slot]));
      EXPECT_TRUE(at::equal(found[3][slot], expected[3][slot]));
    }
    EXPECT_LE(others, dtype() == at::kDouble ? 0 : 1 + rows / 50);
    EXPECT_EQ(found[0].slice(1, rows).eq(-7.0).sum().item<std::int64_t>(),
              expected[0].slice(1, rows).numel());
  }
};

TEST_P(AppendTokens, EqualsThePlainFormInFp64) {
  struct Case {
    double temperature, top_p;
    std::int64_t top_k, least;
  };
  for (const std::int64_t vocab : {5, 127, 1000, 50000})
    for (const auto& c :
         {Case{1.0, 1.0, 0, 0}, Case{0.0, 1.0, 0, 0}, Case{0.7, 0.9, 0, 0}, Case{1.3, 1.0, 4, 0},
          Case{1.0, 0.6, 50, 3}, Case{0.6, 0.95, 3, 2}, Case{1.0, 0.01, 0, 0}})
      for (const bool mixed : {false, true}) {
        SCOPED_TRACE(fmt::format("vocabulary {}, T {}, top-p {}, top-k {}", vocab, c.temperature,
                                 c.top_p, c.top_k));
        at::manual_seed(3);
        const auto logits = (at::randn({20, vocab}, at::kDouble) * 2.5).to(at::kFloat);
        expect_equal_draws(logits,
                           {c.temperature, c.top_p, static_cast<double>(c.top_k),
                            static_cast<double>(c.least), 1.0},
                           {1, 3, -1, -1}, mixed);
      }
}

TEST_P(AppendTokens, EqualLogitsAreCutByTheirIds) {
  for (const double top_p : {1.0, 0.5})
    for (const std::int64_t top_k : {0, 100}) {
      auto logits = at::zeros({60, 1003}, at::kFloat);
      logits.slice(1, 0, 1003, 17).fill_(2.0);  // 59 ids above the others
      expect_equal_draws(logits, {1.0, top_p, static_cast<double>(top_k), 0.0, 0.0}, {-1}, false);
    }
}

TEST_P(AppendTokens, TinyProbabilitiesAndForbiddenIdsAreNoTrouble) {
  auto logits = at::full({6, 640}, -std::numeric_limits<double>::infinity(), at::kFloat);
  logits.select(1, 600).fill_(-3.0e4);
  logits.select(1, 601).fill_(-3.0e4 - 60.0);
  for (const double top_p : {1.0, 0.999})
    expect_equal_draws(logits, {1.0, top_p, 0.0, 0.0, 1.0}, {600}, false);
}

INSTANTIATE_TEST_SUITE_P(Places, AppendTokens,
                         ::testing::Values(test::Place{false, at::kDouble},
                                           test::Place{false, at::kFloat},
                                           test::Place{true, at::kFloat},
                                           test::Place{true, at::kDouble}),
                         test::place_name);

}  // namespace
}  // namespace r1::kernels
