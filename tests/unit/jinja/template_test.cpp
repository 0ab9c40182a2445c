// Rendered templates equal what transformers renders; hostile ones end with an error.
#include "jinja/template.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/errors.h"
#include "base/files.h"

namespace r1::jinja {
namespace {

using Json = nlohmann::ordered_json;

std::string render(const std::string& source, const Json& variables = Json::object()) {
  std::tm day{};
  day.tm_year = 124;
  day.tm_mon = 6;
  day.tm_mday = 26;
  return Template(source, "template").render(variables, day).text;
}

std::string error_of(const std::string& source, const Json& variables = Json::object()) {
  try {
    return "rendered: " + render(source, variables);
  } catch (const base::InputError& error) {
    return error.what();
  }
}

/// Each line of goldens; a template's text is `source_of` its "template".
template <class SourceOf>
void expect_goldens(const std::string& path, SourceOf source_of) {
  std::istringstream file(base::read_file(path));
  std::size_t count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const Json golden = Json::parse(line);
    const std::string name = golden["template"];
    SCOPED_TRACE(name + " " + golden["variables"].dump());
    try {
      const std::string text = render(source_of(name), golden["variables"]);
      EXPECT_FALSE(golden.contains("error")) << "rendered: " << text;
      EXPECT_EQ(text, golden.value("text", text));
    } catch (const base::InputError& error) {
      EXPECT_TRUE(golden.contains("error")) << error.what();
    }
  }
  EXPECT_GT(count, 0U);
}

TEST(Template, PiecesOfTheLanguageEqualTransformersRenderings) {
  expect_goldens(R1_SOURCE_DIR "/tests/data/jinja/snippets.jsonl",
                 [](const std::string& source) { return source; });
}

// R1_TEMPLATE_FOLDER holds templates and R1_TEMPLATE_GOLDENS what make_goldens.py made of them.
TEST(Template, PublishedTemplatesEqualTransformersRenderings) {
  const char* folder = std::getenv("R1_TEMPLATE_FOLDER");
  const char* goldens = std::getenv("R1_TEMPLATE_GOLDENS");
  if (folder == nullptr || goldens == nullptr)
    GTEST_SKIP() << "R1_TEMPLATE_FOLDER and R1_TEMPLATE_GOLDENS are not set";
  expect_goldens(goldens, [folder](const std::string& name) {
    return base::read_file(std::string(folder) + "/" + name);
  });
}

TEST(Template, ErrorsNameTheTemplateTheLineAndTheConstruct) {
  EXPECT_EQ(error_of("a\n{% include 'x' %}"),
            "template, line 2: the tag 'include' is not supported");
  EXPECT_EQ(error_of("\n\n{{ 'a' | xmlattr }}"),
            "template, line 3: the filter 'xmlattr' is not supported");
  EXPECT_EQ(error_of("{{ messages[0].role }}"),
            "template, line 1: 'messages' is undefined and has no items");
  EXPECT_EQ(error_of("{{ raise_exception('Roles must alternate') }}"),
            "template, line 1: the template refuses the conversation: Roles must alternate");
  EXPECT_EQ(error_of("{% if a %}"),
            "template, line 1: expected a tag, found the end of the template");
}

TEST(Template, TheTimeIsGiven) {
  EXPECT_EQ(render("{{ strftime_now('%d %b %Y') }}"), "26 Jul 2024");
}

// Output, a joined list, a printed list and its JSON grow piece by piece.
TEST(Template, NoTextIsLongerThanItsLimit) {
  Limits limits;
  limits.text_bytes = 50;
  for (const std::string source :
       {"{% for i in range(60) %}x{% endfor %}", "{{ range(60) | join }}", "{{ range(60) | list }}",
        "{{ range(60) | list | tojson }}"}) {
    SCOPED_TRACE(source);
    try {
      const auto text = Template(source, "template").render(Json::object(), std::tm{}, limits).text;
      ADD_FAILURE() << text.size() << " bytes";
    } catch (const base::InputError& error) {
      EXPECT_NE(std::string(error.what()).find("more than 50 bytes"), std::string::npos)
          << error.what();
    }
  }
}

TEST(Template, HostileTemplatesEndWithAnError) {
  const char* const bodies[] = {
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
      "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% "
      "endfor %}",
      "{% set n = namespace(l=[1]) %}{% for i in range(99) %}{% set n.l = [n.l, n.l] %}{% endfor "
      "%}",
      "{% set n = namespace(l=[1]) %}{% for i in range(999) %}{% set n.l = [n.l] %}{% endfor %}",
      "{% set n = namespace() %}{% set n.n = n %}",
      "{% set n = namespace() %}{% macro f() %}{% endmacro %}{% set n.f = f %}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{{ 'x' * 9999999999 }}",
      "{{ ('x' * 9999999).replace('x', 'x' * 99999) }}",
      "{{ '%999999999d' % 1 * 99999999 }}",
      "{{ 9 ** 999 }}",
  };
  for (const char* body : bodies)
    EXPECT_EQ(error_of(body).substr(0, 17), "template, line 1:") << body;
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "(";
  EXPECT_EQ(error_of("{{ " + deep).substr(0, 17), "template, line 1:");
  std::string nots;
  for (int i = 0; i < 100000; ++i) nots += "not ";
  EXPECT_EQ(error_of("{{ " + nots + "1 }}").substr(0, 17), "template, line 1:");
  std::string sum = "1";
  for (int i = 0; i < 100000; ++i) sum += "+1";
  EXPECT_EQ(error_of("{{ " + sum + " }}").substr(0, 17), "template, line 1:");
  std::string blocks;
  for (int i = 0; i < 100000; ++i) blocks += "{% if 1 %}";
  EXPECT_EQ(error_of(blocks).substr(0, 17), "template, line 1:");
}

}  // namespace
}  // namespace r1::jinja
