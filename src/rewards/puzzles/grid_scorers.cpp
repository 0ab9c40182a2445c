// Scorers of answers that are grids of cells.
#include <algorithm>
#include <cmath>

#include "rewards/puzzles/reading.h"
#include "rewards/puzzles/scorer.h"

namespace r1::rewards::puzzles {
namespace {

using Matrix = std::vector<std::vector<std::int64_t>>;

Verdict verdict(bool right) {
  return right ? Verdict::Right : Verdict::Wrong;
}

/// A gold cell with a point is rounded to two places: half a unit of the last is allowed.
bool same_cell(const std::string& given, const std::string& gold) {
  if (given == gold) return true;
  const auto a = canonical_decimal(given);
  const auto b = canonical_decimal(gold);
  if (!a || !b) return false;
  if (*a == *b) return true;
  constexpr double kHalfUnit = 0.005001;
  return gold.find('.') != std::string::npos &&
         std::abs(*number_of(given) - *number_of(gold)) <= kHalfUnit;
}

/// The rows as integers when they are rows x columns of them; empty otherwise.
Matrix integers(const Rows& rows, std::size_t height, std::size_t width) {
  Matrix matrix;
  if (rows.size() != height) return {};
  for (const auto& row : rows) {
    if (row.size() != width) return {};
    auto& cells = matrix.emplace_back();
    for (const auto& cell : row) {
      const auto value = integer_of(cell);
      if (!value) return {};
      cells.push_back(*value);
    }
  }
  return matrix;
}

/// Whether the cells are 1..n, each once.
bool all_once(std::vector<std::int64_t> cells) {
  std::sort(cells.begin(), cells.end());
  for (std::size_t i = 0; i < cells.size(); ++i)
    if (cells[i] != static_cast<std::int64_t>(i) + 1) return false;
  return true;
}

bool rows_columns_boxes(const Matrix& matrix, std::size_t box) {
  const std::size_t n = matrix.size();
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<std::int64_t> column;
    std::vector<std::int64_t> square;
    for (std::size_t k = 0; k < n; ++k) {
      column.push_back(matrix[k][i]);
      square.push_back(matrix[i / box * box + k / box][i % box * box + k % box]);
    }
    if (!all_once(matrix[i]) || !all_once(column) || !all_once(square)) return false;
  }
  return true;
}

std::vector<std::int64_t> integer_list(const nlohmann::json& metadata, const char* field) {
  std::vector<std::int64_t> values;
  const auto list = metadata.find(field);
  if (list == metadata.end() || !list->is_array()) return {};
  for (const auto& value : *list) {
    if (!value.is_number_integer()) return {};
    values.push_back(value.get<std::int64_t>());
  }
  return values;
}

/// A square of the puzzle's clues as text; empty when the record has none.
Rows text_matrix(const nlohmann::json& metadata, const char* field) {
  Rows rows;
  const auto given = metadata.find(field);
  if (given == metadata.end() || !given->is_array()) return {};
  for (const auto& row : *given) {
    if (!row.is_array() || row.size() != given->size()) return {};
    auto& cells = rows.emplace_back();
    for (const auto& cell : row) cells.push_back(cell.is_string() ? cell.get<std::string>() : "");
  }
  return rows;
}

bool attacks(std::pair<int, int> a, std::pair<int, int> b) {
  return a.first == b.first || a.second == b.second ||
         std::abs(a.first - b.first) == std::abs(a.second - b.second);
}

}  // namespace

Verdict grid(std::string_view answer, const Puzzle& puzzle) {
  const Rows gold = rows_of(puzzle.answer);
  const Rows given = rows_of(answer);
  if (gold.empty()) return Verdict::NoGold;
  if (given.empty()) return Verdict::Unreadable;
  return verdict(std::equal(given.begin(), given.end(), gold.begin(), gold.end(),
                            [](const auto& a, const auto& b) {
                              return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_cell);
                            }));
}

Verdict sudoku(std::string_view answer, const Puzzle& puzzle) {
  const Matrix clues = integer_matrix(puzzle.metadata, "puzzle");
  const std::size_t n = clues.size();
  const auto box = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(n))));
  if (n == 0 || box * box != n) return Verdict::NoGold;
  const Matrix given = integers(rows_of(answer), n, n);
  if (given.empty()) return Verdict::Unreadable;
  for (std::size_t r = 0; r < n; ++r) {
    if (clues[r].size() != n) return Verdict::NoGold;
    for (std::size_t c = 0; c < n; ++c)
      if (clues[r][c] != 0 && clues[r][c] != given[r][c]) return Verdict::Wrong;
  }
  return verdict(rows_columns_boxes(given, box));
}

Verdict n_queens(std::string_view answer, const Puzzle& puzzle) {
  const Rows clues = text_matrix(puzzle.metadata, "puzzle");
  const Rows given = rows_of(answer);
  if (clues.empty()) return Verdict::NoGold;
  if (given.size() != clues.size()) return Verdict::Unreadable;
  std::vector<std::pair<int, int>> queens;
  for (std::size_t r = 0; r < given.size(); ++r) {
    if (given[r].size() != clues.size()) return Verdict::Unreadable;
    for (std::size_t c = 0; c < given.size(); ++c) {
      if (given[r][c] == "Q") queens.emplace_back(static_cast<int>(r), static_cast<int>(c));
      if (clues[r][c] == "Q" && given[r][c] != "Q") return Verdict::Wrong;
    }
  }
  for (std::size_t i = 0; i < queens.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (attacks(queens[i], queens[k])) return Verdict::Wrong;
  return verdict(queens.size() == clues.size());
}

Verdict kakurasu(std::string_view answer, const Puzzle& puzzle) {
  const auto row_sums = integer_list(puzzle.metadata, "row_sums");
  const auto column_sums = integer_list(puzzle.metadata, "col_sums");
  if (row_sums.empty() || column_sums.empty()) return Verdict::NoGold;
  const Matrix given = integers(rows_of(answer), row_sums.size(), column_sums.size());
  if (given.empty()) return Verdict::Unreadable;
  std::vector<std::int64_t> rows(row_sums.size(), 0);
  std::vector<std::int64_t> columns(column_sums.size(), 0);
  for (std::size_t r = 0; r < given.size(); ++r)
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (given[r][c] != 0 && given[r][c] != 1) return Verdict::Wrong;
      rows[r] += given[r][c] * static_cast<std::int64_t>(c + 1);
      columns[c] += given[r][c] * static_cast<std::int64_t>(r + 1);
    }
  return verdict(rows == row_sums && columns == column_sums);
}

}  // namespace r1::rewards::puzzles
