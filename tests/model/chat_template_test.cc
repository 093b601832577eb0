#include "model/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <optional>

#include "base/error.h"

namespace leankv {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;

ordered_json read_golden(const std::string& name) {
  std::ifstream file(std::string(LEANKV_GOLDEN_DIR) + "/chat_template/" + name);
  return ordered_json::parse(file);
}

struct Failure {
  ErrorKind kind;
  std::string message;
};

std::optional<Failure> failure_of(const std::string& source, const ordered_json& context = ordered_json::object()) {
  try {
    ChatTemplate(source).render(context);
  } catch (const Error& e) {
    return Failure{e.kind(), e.what()};
  }
  return std::nullopt;
}

void expect_failure(ErrorKind kind, const std::string& part, const std::string& source,
                    const ordered_json& context = ordered_json::object()) {
  const std::optional<Failure> failure = failure_of(source, context);
  ASSERT_TRUE(failure) << source.substr(0, 200);
  EXPECT_EQ(failure->kind, kind) << failure->message;
  EXPECT_THAT(failure->message, HasSubstr(part));
  EXPECT_EQ(failure->message.find('\n'), std::string::npos) << failure->message;
}

void expect_family_goldens(const std::string& name) {
  const ordered_json golden = read_golden(name);
  for (const ordered_json& row : golden["cases"]) {
    SCOPED_TRACE(row["name"]);
    const std::string source = golden["templates"][row["template"].get<std::string>()];
    if (row.contains("text")) {
      EXPECT_EQ(ChatTemplate(source).render(row["context"]), row["text"].get<std::string>());
    } else {
      EXPECT_TRUE(failure_of(source, row["context"])) << row["error"];
    }
  }
}

TEST(ChatTemplate, RendersTheFamiliesAsJinja2Does) { expect_family_goldens("families.json"); }
TEST(ChatTemplate, RendersTheDefaultModelsTemplateAsJinja2Does) { expect_family_goldens("model.json"); }

TEST(ChatTemplate, RendersEveryConstructAsJinja2Does) {
  const ordered_json golden = read_golden("language.json");
  for (const ordered_json& row : golden["cases"]) {
    const std::string source = row["source"];
    EXPECT_EQ(ChatTemplate(source).render(golden["context"]), row["text"].get<std::string>()) << source;
  }
}

TEST(ChatTemplate, FailsWhereJinja2Fails) {
  const ordered_json golden = read_golden("language.json");
  for (const ordered_json& row : golden["failing"]) {
    SCOPED_TRACE(row["source"]);
    expect_failure(ErrorKind::kBadRequest, row["message"], row["source"], golden["context"]);
  }
}

TEST(ChatTemplate, RefusesUnknownNamesBeforeRendering) {
  const std::pair<const char*, const char*> cases[] = {
      {"{% include 'x' %}", "statement \"include\" is not supported; these are: if, elif"},
      {"{{ x|pprint }}", "filter \"pprint\" is not supported; these are: abs, capitalize"},
      {"{{ x is prime }}", "test \"prime\" is not supported; these are: boolean, callable"},
      {"{{ x.append(1) }}", "method \"append\" is not supported; these are: capitalize, endswith"},
      {"{{ lipsum() }}", "function \"lipsum\" is not supported; these are: dict, namespace"},
      {"{{ 2 ** 3 }}", "operator \"**\""},
      {"{{ f(*x) }}", "argument form \"*\""},
      {"{% for x in y recursive %}{% endfor %}", "recursive"},
  };
  for (const auto& [source, part] : cases) {
    SCOPED_TRACE(source);
    try {
      const ChatTemplate refused(source);
      ADD_FAILURE() << "not refused";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kUnsupported);
      EXPECT_THAT(e.what(), HasSubstr(part));
    }
  }
}

TEST(ChatTemplate, NamesTheLineOfASyntaxError) {
  const std::pair<const char*, const char*> cases[] = {
      {"a\n{% if x %}\nb", "endif"},
      {"a\n{{ x", "line 2: a tag is not closed by }}"},
      {"\n\n{{ 'x }}", "line 3: a string is not closed"},
      {"{# x", "line 1: a comment"},
      {"a\n{{ 1 + }}", "line 2: expected an expression, found }}"},
      {"{{ ) }}", "unexpected \")\""},
      {"{{ a b }}", "expected }}, found \"b\""},
      {"{{ ? }}", "unexpected character \"?\""},
      {"{% break %}", "outside of a loop"},
      {"{% endif %}", "endif"},
      {"{{ 99999999999999999999 }}", "64 bits"},
      {"{% macro m(a=1, b) %}{% endmacro %}", "needs a default"},
      {"{{ f(a=1, 2) }}", "without a name"},
      {"{% for 1 in x %}{% endfor %}", "name of a variable"},
      {"{% set a b %}", "expected %}, found \"b\""},
      {"{% call x %}{% endcall %}", "needs a call"},
      {"{% if %}", "expected an expression"},
  };
  for (const auto& [source, part] : cases) {
    SCOPED_TRACE(source);
    const std::optional<Failure> failure = failure_of(source);
    ASSERT_TRUE(failure);
    EXPECT_THAT(failure->message, HasSubstr(part));
    EXPECT_THAT(failure->message, HasSubstr("line "));
  }
}

std::string repeated(const std::string& text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

TEST(ChatTemplate, StopsAtItsLimits) {
  const ErrorKind request = ErrorKind::kBadRequest, unsupported = ErrorKind::kUnsupported;
  const std::string work = repeated("{% if 1 %}{% endif %}", 100);
  expect_failure(request, "steps", "{% for a in range(100000) %}" + work + "{% endfor %}");
  expect_failure(request, "bytes",
                 "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(60) %}"
                 "{% set ns.s = ns.s ~ ns.s %}{% endfor %}");
  expect_failure(request, "too long", "{{ 'ab' * 9000000000000000000 }}");
  expect_failure(request, "bytes", "{% set s = 'abcdefgh' * 1000000 %}{% for i in range(40) %}{{ s }}{% endfor %}");
  expect_failure(request, "levels", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
  expect_failure(request, "nested",
                 "{% set ns = namespace(x=[]) %}{% for i in range(1000) %}"
                 "{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}");
  const std::pair<const char*, const char*> brackets[] = {
      {"(", ")"}, {"[", "]"}, {"-", ""}, {"not ", ""}, {"f(", ")"}, {"{'a': ", "}"}, {"1 if 1 else ", ""}};
  for (const auto& [open, close] : brackets) {
    expect_failure(unsupported, "nested", "{{ " + repeated(open, 50000) + "1" + repeated(close, 50000) + " }}");
  }
  expect_failure(unsupported, "nested", "{{ a" + repeated(".b", 100000) + " }}");
  expect_failure(unsupported, "nested", "{{ a" + repeated("|trim", 100000) + " }}");
  expect_failure(unsupported, "nested", "{{ 1" + repeated("+1", 100000) + " }}");
  expect_failure(unsupported, "nested", repeated("{% if x %}", 100000));
  expect_failure(unsupported, "1048576", std::string((1 << 20) + 1, 'x'));
}

TEST(ChatTemplate, RefusesADeepContext) {
  ordered_json deep = ordered_json::array();
  for (int i = 0; i < 200; ++i) deep = ordered_json::array({deep});
  expect_failure(ErrorKind::kBadRequest, "nested", "x", {{"deep", deep}});
}

TEST(ChatTemplate, KeepsWholeNumbersWithin64Bits) {
  const ErrorKind request = ErrorKind::kBadRequest;
  expect_failure(request, "64 bits", "{{ 9223372036854775807 + 1 }}");
  expect_failure(request, "64 bits", "{{ -9223372036854775807 - 2 }}");
  expect_failure(request, "64 bits", "{{ (-9223372036854775807 - 1) // -1 }}");
  expect_failure(request, "64 bits", "{{ 4611686018427387904 * 2 }}");
  expect_failure(request, "64 bits", "{{ 1e30|int }}");
  EXPECT_EQ(ChatTemplate("{{ (-9223372036854775807 - 1) % -1 }}").render(ordered_json::object()), "0");
}

TEST(ChatTemplate, TellsTheTime) {
  const ChatTemplate chat_template("{{ strftime_now('%Y-%m-%d %%') }}");
  EXPECT_THAT(chat_template.render(ordered_json::object()), testing::MatchesRegex("20[0-9]+-[0-9]+-[0-9]+ %"));
  expect_failure(ErrorKind::kBadRequest, "limit", "{{ strftime_now('%Y' * 1000) }}");
}

TEST(ChatTemplate, RendersAChat) {
  const ChatTemplate chat_template(
      "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if tools %}T{% endif %}"
      "{{ extra }}{% if eos_token is defined %}E{% endif %}{% if add_generation_prompt %}>{% endif %}");
  ChatPrompt prompt;
  prompt.messages = ordered_json::parse(R"([{"role": "user", "content": "hi"}])");
  EXPECT_EQ(render_chat(chat_template, prompt, "<s>", ""), "<s>[user]hi>");
  prompt.tools = ordered_json::parse(R"([{"type": "function"}])");
  prompt.variables = {{"extra", "!"}};
  prompt.add_generation_prompt = false;
  EXPECT_EQ(render_chat(chat_template, prompt, "", "</s>"), "[user]hiT!E");
}

TEST(ChatTemplate, TakesTextThatIsNotUtf8) {
  const ordered_json context = {{"s", "a\xFF\xC3"}};
  EXPECT_EQ(ChatTemplate("{{ s }}{{ s|length }}{{ s|upper }}").render(context),
            "a\xFF\xC3"
            "3A\xFF\xC3");
}

}  // namespace
}  // namespace leankv
