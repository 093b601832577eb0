#include "model/jinja/parser.h"

#include <algorithm>
#include <set>

#include "model/jinja/expression_parser.h"
#include "model/jinja/library.h"
#include "model/jinja/token_reader.h"

namespace leankv::jinja {
namespace {

constexpr std::string_view kStatements =
    "if, elif, else, for, set, macro, call, break, continue, generation and their ends";

class StatementParser {
 public:
  explicit StatementParser(std::string_view source) : tokens_(source), expressions_(tokens_, nesting_) {}

  Block run() {
    Block block = parse_block({});
    for (const auto& [name, line] : expressions_.called()) {
      if (!declared_.contains(name) && find_function(name) == nullptr) {
        fail_unknown(line, "function", name, function_names());
      }
    }
    return block;
  }

 private:
  using Ends = std::initializer_list<std::string_view>;

  // Up to {% and one of the names in ends, which stay to be read; to the end of the template when there are none.
  Block parse_block(Ends ends) {
    const NestingGuard guard(nesting_, tokens_.line());
    const int first_line = tokens_.line();
    Block block;
    while (!tokens_.is(TokenKind::kEnd)) {
      const Token token = tokens_.next();
      if (token.kind == TokenKind::kText) {
        block.push_back({Text{token.text}, token.line});
      } else if (token.kind == TokenKind::kVariableBegin) {
        block.push_back({Output{expressions_.parse_tuple()}, token.line});
        tokens_.expect(TokenKind::kVariableEnd, "}}");
      } else {
        const bool is_end = tokens_.is(TokenKind::kName) && std::ranges::find(ends, tokens_.now().text) != ends.end();
        if (is_end) return block;
        block.push_back(parse_statement());
      }
    }
    if (ends.size() != 0)
      fail_syntax(first_line, "a block is not closed by {% " + std::string(*(ends.end() - 1)) + " %}");
    return block;
  }

  Statement parse_statement() {
    const Token name = tokens_.expect(TokenKind::kName, "the name of a statement");
    if (name.text == "if") return {parse_if(), name.line};
    if (name.text == "for") return {parse_for(), name.line};
    if (name.text == "set") return parse_set(name.line);
    if (name.text == "macro") return {parse_macro(), name.line};
    if (name.text == "call") return {parse_call_block(), name.line};
    if (name.text == "generation") return {parse_generation(), name.line};
    if (name.text == "break" || name.text == "continue") return {parse_loop_control(name), name.line};
    fail_unknown(name.line, "statement", name.text, kStatements);
  }

  void end_tag() { tokens_.expect(TokenKind::kBlockEnd, "%}"); }

  Block parse_body(std::string_view end) {
    end_tag();
    Block body = parse_block({end});
    tokens_.next();
    end_tag();
    return body;
  }

  If parse_if() {
    If node;
    do {
      ExpressionPtr condition = expressions_.parse_tuple();
      end_tag();
      node.branches.emplace_back(std::move(condition), parse_block({"elif", "else", "endif"}));
    } while (tokens_.skip_name("elif"));
    if (tokens_.next().text == "else")
      node.otherwise = parse_body("endif");
    else
      end_tag();
    return node;
  }

  std::vector<std::string> parse_targets() {
    std::vector<std::string> targets;
    const bool is_bracketed = tokens_.skip_operator("(");
    do {
      targets.push_back(tokens_.expect(TokenKind::kName, "the name of a variable").text);
      declared_.insert(targets.back());
    } while (tokens_.skip_operator(","));
    if (is_bracketed) tokens_.expect_operator(")");
    return targets;
  }

  For parse_for() {
    For node;
    node.targets = parse_targets();
    if (!tokens_.skip_name("in")) fail_syntax(tokens_.line(), "expected \"in\", found " + tokens_.describe());
    node.items = expressions_.parse_tuple(false);
    if (tokens_.skip_name("if")) node.condition = expressions_.parse();
    if (tokens_.is_name("recursive")) fail_unknown(tokens_.line(), "form of for", "recursive", "for ... in ... if ...");
    end_tag();
    ++loops_;
    node.body = parse_block({"else", "endfor"});
    --loops_;
    if (tokens_.next().text == "else")
      node.otherwise = parse_body("endfor");
    else
      end_tag();
    return node;
  }

  Statement parse_set(int line) {
    if (tokens_.is(TokenKind::kName) && tokens_.ahead(1).kind == TokenKind::kOperator && tokens_.ahead(1).text == ".") {
      return {parse_set_attribute(), line};
    }
    std::vector<std::string> targets = parse_targets();
    if (!tokens_.skip_operator("=")) return {parse_set_block(targets), line};
    ExpressionPtr value = expressions_.parse_tuple();
    end_tag();
    return {Set{std::move(targets), std::move(value)}, line};
  }

  SetAttribute parse_set_attribute() {
    SetAttribute node;
    node.name_space = tokens_.next().text;
    tokens_.next();
    node.attribute = tokens_.expect(TokenKind::kName, "a name after \".\"").text;
    tokens_.expect_operator("=");
    node.value = expressions_.parse_tuple();
    end_tag();
    return node;
  }

  SetBlock parse_set_block(const std::vector<std::string>& targets) {
    if (targets.size() != 1) fail_syntax(tokens_.line(), "expected \"=\", found " + tokens_.describe());
    SetBlock node{targets[0], nullptr, {}};
    node.filters = expressions_.parse_filters(nullptr);
    node.body = parse_body("endset");
    return node;
  }

  std::vector<std::pair<std::string, ExpressionPtr>> parse_parameters() {
    std::vector<std::pair<std::string, ExpressionPtr>> parameters;
    tokens_.expect_operator("(");
    while (!tokens_.skip_operator(")")) {
      if (!parameters.empty()) tokens_.expect_operator(",");
      const std::string name = tokens_.expect(TokenKind::kName, "the name of a parameter").text;
      declared_.insert(name);
      ExpressionPtr value = tokens_.skip_operator("=") ? expressions_.parse() : nullptr;
      if (!value && !parameters.empty() && parameters.back().second) {
        fail_syntax(tokens_.line(), "the parameter " + name + " needs a default, because the one before has one");
      }
      parameters.emplace_back(name, std::move(value));
    }
    return parameters;
  }

  Block parse_macro_body(std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    Block body = parse_body(end);
    loops_ = loops;
    return body;
  }

  std::unique_ptr<MacroNode> parse_macro() {
    auto node = std::make_unique<MacroNode>();
    node->name = tokens_.expect(TokenKind::kName, "the name of a macro").text;
    declared_.insert(node->name);
    declared_.insert("caller");
    node->parameters = parse_parameters();
    node->body = parse_macro_body("endmacro");
    return node;
  }

  CallBlock parse_call_block() {
    CallBlock node;
    node.caller = std::make_unique<MacroNode>();
    node.caller->name = "caller";
    if (tokens_.is_operator("(")) node.caller->parameters = parse_parameters();
    node.call = expressions_.parse();
    if (!std::holds_alternative<Call>(node.call->node))
      fail_syntax(node.call->line, "{% call %} needs a call of a macro");
    node.caller->body = parse_macro_body("endcall");
    return node;
  }

  Scoped parse_generation() { return {parse_body("endgeneration")}; }

  LoopControl parse_loop_control(const Token& name) {
    if (loops_ == 0) fail_syntax(name.line, "{% " + name.text + " %} outside of a loop");
    end_tag();
    return {name.text == "break"};
  }

  TokenReader tokens_;
  int nesting_ = 0;
  int loops_ = 0;
  ExpressionParser expressions_;
  std::set<std::string, std::less<>> declared_;  // names that may hold a macro
};

}  // namespace

Block parse(std::string_view source) { return StatementParser(source).run(); }

}  // namespace leankv::jinja
