// Matrices and sudokus in reasoning-gym's tasks and answer formats.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "data/generators/support.h"
#include "data/generators/tasks.h"

namespace r1::data::tasks {
namespace {

using Matrix = std::vector<std::vector<std::int64_t>>;

Matrix random_matrix(Random& random, std::size_t n, std::int64_t highest) {
  Matrix matrix(n, std::vector<std::int64_t>(n));
  for (auto& row : matrix)
    for (auto& cell : row) cell = random.integer(0, highest);
  return matrix;
}

Matrix rotated(const Matrix& matrix) {
  const std::size_t n = matrix.size();
  Matrix out = matrix;
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t c = 0; c < n; ++c) out[c][n - 1 - r] = matrix[r][c];
  return out;
}

/// The order of `count` groups of `size` rows: groups and the rows of a group are shuffled.
std::vector<std::size_t> shuffled_lines(Random& random, std::size_t box) {
  std::vector<std::size_t> bands(box);
  for (std::size_t i = 0; i < box; ++i) bands[i] = i;
  shuffle(random, bands);
  std::vector<std::size_t> lines;
  for (const std::size_t band : bands) {
    std::vector<std::size_t> inside(box);
    for (std::size_t i = 0; i < box; ++i) inside[i] = band * box + i;
    shuffle(random, inside);
    lines.insert(lines.end(), inside.begin(), inside.end());
  }
  return lines;
}

Matrix full_sudoku(Random& random, std::size_t box) {
  const std::size_t n = box * box;
  std::vector<std::int64_t> digits(n);
  for (std::size_t i = 0; i < n; ++i) digits[i] = static_cast<std::int64_t>(i) + 1;
  shuffle(random, digits);
  const auto rows = shuffled_lines(random, box);
  const auto columns = shuffled_lines(random, box);
  Matrix grid(n, std::vector<std::int64_t>(n));
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t c = 0; c < n; ++c)
      grid[r][c] = digits[(rows[r] * box + rows[r] / box + columns[c]) % n];
  return grid;
}

bool sees(std::size_t r, std::size_t c, std::size_t y, std::size_t x, std::size_t box) {
  return r == y || c == x || (r / box == y / box && c / box == x / box);
}

bool may_hold(const Matrix& grid, std::size_t r, std::size_t c, std::int64_t digit,
              std::size_t box) {
  if (grid[r][c] != 0) return false;
  for (std::size_t y = 0; y < grid.size(); ++y)
    for (std::size_t x = 0; x < grid.size(); ++x)
      if (grid[y][x] == digit && sees(r, c, y, x, box)) return false;
  return true;
}

/// Whether the empty cell's digit follows from the other cells at once: no other digit fits there,
/// or the digit fits nowhere else in its row, column or box.
bool is_forced(const Matrix& grid, std::size_t r, std::size_t c, std::int64_t digit,
               std::size_t box) {
  const std::size_t n = grid.size();
  std::int64_t fitting = 0;
  for (std::size_t d = 1; d <= n; ++d)
    fitting += may_hold(grid, r, c, static_cast<std::int64_t>(d), box) ? 1 : 0;
  if (fitting == 1) return true;
  bool row = true;
  bool column = true;
  bool square = true;
  for (std::size_t y = 0; y < n; ++y)
    for (std::size_t x = 0; x < n; ++x) {
      if ((y == r && x == c) || !sees(r, c, y, x, box) || !may_hold(grid, y, x, digit, box))
        continue;
      row = row && y != r;
      column = column && x != c;
      square = square && (y / box != r / box || x / box != c / box);
    }
  return row || column || square;
}

/// Clears cells whose digits follow from the rest; so the solution stays the only one.
Matrix with_gaps(Random& random, const Matrix& full, std::size_t box, std::int64_t wanted) {
  const std::size_t n = full.size();
  std::vector<std::size_t> places(n * n);
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  shuffle(random, places);
  Matrix puzzle = full;
  for (const std::size_t place : places) {
    if (wanted == 0) break;
    auto& cell = puzzle[place / n][place % n];
    const std::int64_t digit = cell;
    cell = 0;
    if (is_forced(puzzle, place / n, place % n, digit, box))
      --wanted;
    else
      cell = digit;
  }
  return puzzle;
}

std::string puzzle_text(const Matrix& puzzle) {
  std::string text = matrix_text(puzzle);
  std::replace(text.begin(), text.end(), '0', '_');
  return text;
}

}  // namespace

Json binary_matrix(Random& random) {
  const auto n = static_cast<std::size_t>(random.integer(3, 7));
  Matrix matrix(n, std::vector<std::int64_t>(n));
  for (auto& row : matrix)
    for (auto& cell : row) cell = random.integer(0, 3) == 0 ? 0 : 1;
  matrix[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(n) - 1))][0] = 0;
  Matrix distance = matrix;
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t c = 0; c < n; ++c) {
      auto& best = distance[r][c];
      best = static_cast<std::int64_t>(2 * n);
      for (std::size_t y = 0; y < n; ++y)
        for (std::size_t x = 0; x < n; ++x) {
          const auto dy = static_cast<std::int64_t>(std::max(r, y) - std::min(r, y));
          const auto dx = static_cast<std::int64_t>(std::max(c, x) - std::min(c, x));
          if (matrix[y][x] == 0) best = std::min(best, dy + dx);
        }
    }
  return gym_record(
      "binary_matrix",
      fmt::format("Find the taxicab (Manhattan) distance to the nearest 0 for each cell in the "
                  "matrix below. The output should be a matrix of the same size as the input.\n{}",
                  matrix_text(matrix)),
      matrix_text(distance), "logic", {{"matrix", matrix}, {"solution", distance}});
}

Json rotate_matrix(Random& random) {
  const auto n = static_cast<std::size_t>(random.integer(2, 6));
  const Matrix matrix = random_matrix(random, n, 9);
  const auto turns = random.integer(1, 10);
  Matrix out = matrix;
  for (std::int64_t i = 0; i < turns % 4; ++i) out = rotated(out);
  return gym_record("rotate_matrix",
                    fmt::format("Rotate the matrix below by {} degrees clockwise. Your output "
                                "should be a matrix in the same format as the input.\n{}",
                                90 * turns, matrix_text(matrix)),
                    matrix_text(out), "logic", {{"matrix", matrix}, {"num_rotations", turns}});
}

Json spiral_matrix(Random& random) {
  const auto n = static_cast<std::size_t>(random.integer(2, 6));
  const Matrix matrix = random_matrix(random, n, 9);
  std::vector<std::int64_t> order;
  Matrix rest = matrix;
  while (!rest.empty()) {  // take the top row, turn what is left anticlockwise
    order.insert(order.end(), rest[0].begin(), rest[0].end());
    rest.erase(rest.begin());
    Matrix turned;
    for (std::size_t c = rest.empty() ? 0 : rest[0].size(); c-- > 0;) {
      auto& row = turned.emplace_back();
      for (const auto& line : rest) row.push_back(line[c]);
    }
    rest = std::move(turned);
  }
  return gym_record("spiral_matrix",
                    fmt::format("List the elements of the matrix below in clockwise spiral order, "
                                "starting from the top-left corner. Your output should be a "
                                "space-separated list of integers, e.g. 1 2 3 4 5 6\n{}",
                                matrix_text(matrix)),
                    fmt::format("{}", fmt::join(order, " ")), "logic", {{"matrix", matrix}});
}

Json mini_sudoku(Random& random) {
  const Matrix full = full_sudoku(random, 2);
  const Matrix puzzle = with_gaps(random, full, 2, random.integer(8, 12));
  return gym_record(
      "mini_sudoku",
      fmt::format("In 4x4 Mini Sudoku:\n- Each row must contain each number from 1-4 exactly "
                  "once\n- Each column must contain each number 1-4 exactly once\n- Each 2x2 "
                  "subgrid must contain each number 1-4 exactly once\nSolve this 4x4 Mini Sudoku "
                  "puzzle:\n{}\nFormat your response as the puzzle above, with spaces separating "
                  "each number within a row, and newlines separating rows.",
                  puzzle_text(puzzle)),
      matrix_text(full), "logic", {{"puzzle", puzzle}, {"solution", full}});
}

Json sudoku(Random& random) {
  const Matrix full = full_sudoku(random, 3);
  const Matrix puzzle = with_gaps(random, full, 3, random.integer(30, 50));
  return gym_record(
      "sudoku",
      fmt::format("Solve this Sudoku puzzle:\n{}\nRespond with only your answer, formatted as the "
                  "puzzle, a 9x9 grid with numbers separated by spaces, and rows separated by "
                  "newlines.",
                  puzzle_text(puzzle)),
      matrix_text(full), "logic", {{"puzzle", puzzle}, {"solution", full}});
}

}  // namespace r1::data::tasks
