// Who lies and who is whose aunt, in reasoning-gym's tasks and answer formats.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "data/generators/support.h"
#include "data/generators/tasks.h"

namespace r1::data::tasks {
namespace {

/// What an inhabitant says about one or two of them; bit i of `knights`: inhabitant i tells the
/// truth.
struct Statement {
  int kind = 0;  // 0: about one, 1: and, 2: or, 3: if then, 4: exactly when
  int first = 0, second = 0;
  bool first_honest = false, second_honest = false;

  bool holds(unsigned knights) const {
    const bool a = ((knights >> first & 1U) != 0) == first_honest;
    const bool b = ((knights >> second & 1U) != 0) == second_honest;
    switch (kind) {
      case 0:
        return a;
      case 1:
        return a && b;
      case 2:
        return a || b;
      case 3:
        return !a || b;
      default:
        return a == b;
    }
  }
};

Statement random_statement(Random& random, int speaker, int people) {
  Statement s;
  s.kind = static_cast<int>(random.integer(0, 4));
  s.first = static_cast<int>(random.integer(0, people - 1));
  s.second = (s.first + 1 + static_cast<int>(random.integer(0, people - 2))) % people;
  // "I am a liar" is said by nobody.
  s.first_honest = s.first == speaker && s.kind == 0 ? true : random.integer(0, 1) == 1;
  s.second_honest = random.integer(0, 1) == 1;
  return s;
}

/// The only assignment that makes exactly the knights' statements true; -1: none or several.
int only_solution(const std::vector<Statement>& statements) {
  int found = -1;
  for (unsigned knights = 0; knights < (1U << statements.size()); ++knights) {
    bool fits = true;
    for (std::size_t i = 0; i < statements.size(); ++i)
      fits = fits && statements[i].holds(knights) == ((knights >> i & 1U) != 0);
    if (!fits) continue;
    if (found >= 0) return -1;
    found = static_cast<int>(knights);
  }
  return found;
}

struct Roles {
  const char* knight;
  const char* knave;
};

std::string sentence(const Statement& s, const std::vector<std::string>& names,
                     const Roles& roles) {
  const auto claim = [&](int person, bool honest) {
    return fmt::format("{} is a {}", names[static_cast<std::size_t>(person)],
                       honest ? roles.knight : roles.knave);
  };
  const std::string a = claim(s.first, s.first_honest);
  const std::string b = claim(s.second, s.second_honest);
  switch (s.kind) {
    case 0:
      return a;
    case 1:
      return a + " and " + b;
    case 2:
      return a + " or " + b;
    case 3:
      return "if " + a + " then " + b;
    default:
      return a + " if and only if " + b;
  }
}

/// "A is …, B is …, and C is …"
template <class Role>
std::string assignments(const std::vector<std::string>& names, Role&& role) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? ", and " : ", ";
    text += names[i] + " is " + role(i);
  }
  return text;
}

struct Person {
  std::string name;
  bool woman = false;
  int spouse = -1;
  int mother = -1, father = -1;

  bool is_child_of(int other) const { return other >= 0 && (mother == other || father == other); }
};
using Family = std::vector<Person>;

bool siblings(const Family& f, int a, int b) {
  const auto& one = f[static_cast<std::size_t>(a)];
  const auto& two = f[static_cast<std::size_t>(b)];
  return a != b && one.mother >= 0 && one.mother == two.mother;
}

/// What `a` is to `b`; empty: not a word of this task.
std::string relation(const Family& f, int a, int b) {
  const auto& one = f[static_cast<std::size_t>(a)];
  const auto& two = f[static_cast<std::size_t>(b)];
  const auto pick = [&one](const char* woman, const char* man) {
    return std::string(one.woman ? woman : man);
  };
  if (one.spouse == b) return pick("wife", "husband");
  if (two.is_child_of(a)) return pick("mother", "father");
  if (one.is_child_of(b)) return pick("daughter", "son");
  if (siblings(f, a, b)) return pick("sister", "brother");
  for (const int parent : {two.mother, two.father}) {
    if (parent < 0) continue;
    if (f[static_cast<std::size_t>(parent)].is_child_of(a))
      return pick("grandmother", "grandfather");
    if (siblings(f, a, parent)) return pick("aunt", "uncle");
  }
  for (const int parent : {one.mother, one.father})
    if (parent >= 0 && siblings(f, parent, b)) return pick("niece", "nephew");
  if (two.spouse >= 0 && f[static_cast<std::size_t>(two.spouse)].is_child_of(a))
    return pick("mother-in-law", "father-in-law");
  return {};
}

int add_person(Family& family, std::vector<std::string>& women, std::vector<std::string>& men,
               bool woman) {
  auto& pool = woman ? women : men;
  family.push_back({pool.back(), woman, -1, -1, -1});
  pool.pop_back();
  return static_cast<int>(family.size()) - 1;
}

void marry(Family& family, int a, int b) {
  family[static_cast<std::size_t>(a)].spouse = b;
  family[static_cast<std::size_t>(b)].spouse = a;
}

/// Grandparents, one or two children of theirs, a child-in-law, maybe with parents, a grandchild.
Family random_family(Random& random, std::string& story) {
  std::vector<std::string> women{"Mary", "Anna", "Sofia", "Emma", "Grace", "Ruth", "Clara", "Nora"};
  std::vector<std::string> men{"John", "Paul", "Henry", "David", "Oscar", "Felix", "Simon", "Karl"};
  shuffle(random, women);
  shuffle(random, men);
  Family f;
  const auto couple = [&](int husband, int wife, const std::vector<int>& children) {
    marry(f, husband, wife);
    const auto& man = f[static_cast<std::size_t>(husband)].name;
    const auto& woman = f[static_cast<std::size_t>(wife)].name;
    story += fmt::format("{} is married to {}. ", man, woman);
    std::vector<std::string> names;
    for (const int child : children) {
      f[static_cast<std::size_t>(child)].mother = wife;
      f[static_cast<std::size_t>(child)].father = husband;
      names.push_back(f[static_cast<std::size_t>(child)].name);
    }
    if (names.size() == 1) story += fmt::format("They have a child called {}. ", names[0]);
    if (names.size() == 2)
      story += fmt::format("They have children called {} and {}. ", names[0], names[1]);
  };
  const bool daughter = random.integer(0, 1) == 1;
  const int grandfather = add_person(f, women, men, false);
  const int grandmother = add_person(f, women, men, true);
  const int child = add_person(f, women, men, daughter);
  const int in_law = add_person(f, women, men, !daughter);
  std::vector<int> children{child};
  if (random.integer(0, 1) == 1)
    children.push_back(add_person(f, women, men, random.integer(0, 1) == 1));
  couple(grandfather, grandmother, children);
  const int grandchild = add_person(f, women, men, random.integer(0, 1) == 1);
  couple(daughter ? in_law : child, daughter ? child : in_law, {grandchild});
  if (random.integer(0, 1) == 1) {
    const int father = add_person(f, women, men, false);
    couple(father, add_person(f, women, men, true), {in_law});
  }
  return f;
}

}  // namespace

Json knights_knaves(Random& random) {
  constexpr std::array<Roles, 5> kRoles{{{"knight", "knave"},
                                         {"sage", "fool"},
                                         {"pioneer", "laggard"},
                                         {"saint", "sinner"},
                                         {"hero", "villain"}}};
  const Roles roles = choose(random, kRoles);
  const int people = static_cast<int>(random.integer(2, 3));
  std::vector<Statement> statements;
  int solution = -1;
  while (solution < 0) {
    statements.clear();
    for (int i = 0; i < people; ++i) statements.push_back(random_statement(random, i, people));
    solution = only_solution(statements);
  }
  const auto names = some_names(random, static_cast<std::size_t>(people));
  std::string said;
  for (std::size_t i = 0; i < names.size(); ++i)
    said += fmt::format(" {} said, \"{}\".", names[i], sentence(statements[i], names, roles));
  const std::string form = assignments(
      names, [&](std::size_t) { return fmt::format("a {}/{}", roles.knight, roles.knave); });
  const std::string answer = assignments(names, [&](std::size_t i) {
    const bool honest = (static_cast<unsigned>(solution) >> i & 1U) != 0;
    return fmt::format("a {}", honest ? roles.knight : roles.knave);
  });
  return gym_record(
      "knights_knaves",
      fmt::format("A very special island is inhabited only by {0}s and {1}s. {0}s always tell the "
                  "truth, and {1}s always lie. You meet {2} inhabitants: {3}.{4} So who is a {0} "
                  "and who is a {1}? (Format your answer like: \"{5}\")",
                  roles.knight, roles.knave, people, fmt::join(names, ", "), said, form),
      answer + ".", "logic",
      {{"names", names},
       {"knight_knave_terms", {{"knight", roles.knight}, {"knave", roles.knave}}}});
}

Json family_relationships(Random& random) {
  std::string story;
  const Family family = random_family(random, story);
  const auto last = static_cast<std::int64_t>(family.size()) - 1;
  std::string answer;
  int a = 0;
  int b = 0;
  while (answer.empty()) {
    a = static_cast<int>(random.integer(0, last));
    b = static_cast<int>(random.integer(0, last));
    if (a != b) answer = relation(family, a, b);
  }
  const auto& one = family[static_cast<std::size_t>(a)].name;
  const auto& two = family[static_cast<std::size_t>(b)].name;
  return gym_record("family_relationships",
                    fmt::format("{}\n\nWhat is {} to {}? Respond only with the word that describes "
                                "their relationship.",
                                story.substr(0, story.size() - 1), one, two),
                    answer, "logic", {{"relationship", answer}, {"family_size", last + 1}});
}

}  // namespace r1::data::tasks
