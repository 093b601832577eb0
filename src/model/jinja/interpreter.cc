#include "model/jinja/interpreter.h"

#include <algorithm>

#include "base/error.h"
#include "model/jinja/evaluator.h"
#include "model/jinja/library.h"
#include "model/jinja/operators.h"

namespace leankv::jinja {
namespace {

enum class Flow { kNext, kBreak, kContinue };

class Interpreter : public MacroCaller {
 public:
  explicit Interpreter(const nlohmann::ordered_json& context)
      : context_(runtime_.json(context)), evaluator_(runtime_, context_, *this, depth_) {}

  std::string run(const Block& block) {
    Scope& scope = runtime_.scope(nullptr);
    execute(block, scope);
    return std::move(out_);
  }

  Value call_macro(const Macro& macro, const Arguments& arguments) override {
    Scope& scope = runtime_.scope(macro.scope);
    bind(macro, arguments, scope);
    return capture(macro.node->body, scope);
  }

 private:
  Flow execute(const Block& block, Scope& scope) {
    const DepthGuard guard(runtime_, depth_);
    for (const Statement& statement : block) {
      runtime_.charge_steps(1);
      runtime_.set_line(statement.line);
      const Flow flow = std::visit([&](const auto& node) { return run(node, scope); }, statement.node);
      if (flow != Flow::kNext) return flow;
    }
    return Flow::kNext;
  }

  // The text that a block makes.
  Value capture(const Block& block, Scope& scope) {
    std::string outer = std::exchange(out_, {});
    execute(block, scope);
    return runtime_.string(std::exchange(out_, std::move(outer)));
  }

  Flow run(const Text& node, Scope&) {
    runtime_.append(out_, node.text);
    return Flow::kNext;
  }

  Flow run(const Output& node, Scope& scope) {
    const Value value = evaluator_.evaluate(*node.value, scope);
    if (value.is(Kind::kString))
      runtime_.append(out_, value.text());
    else
      runtime_.append(out_, to_text(runtime_, value));
    return Flow::kNext;
  }

  Flow run(const If& node, Scope& scope) {
    for (const auto& [condition, block] : node.branches) {
      if (is_true(evaluator_.evaluate(*condition, scope))) return execute(block, scope);
    }
    return execute(node.otherwise, scope);
  }

  void assign(const std::vector<std::string>& targets, const Value& value, Scope& scope) {
    if (targets.size() == 1) return scope.variables.set(targets[0], value);
    const Items parts = iterate(runtime_, value);
    if (parts.size != targets.size()) {
      runtime_.fail(std::to_string(parts.size) + " values for " + std::to_string(targets.size()) + " variables");
    }
    for (std::size_t i = 0; i < targets.size(); ++i) scope.variables.set(targets[i], parts[i]);
  }

  Items select(const For& node, Scope& outer) {
    const Items all = iterate(runtime_, evaluator_.evaluate(*node.items, outer));
    if (!node.condition) return all;
    Scope& scope = runtime_.scope(&outer);
    std::vector<Value> kept;
    for (const Value& item : all) {
      assign(node.targets, item, scope);
      if (is_true(evaluator_.evaluate(*node.condition, scope))) kept.push_back(item);
    }
    return runtime_.list(std::move(kept)).items();
  }

  Flow run(const For& node, Scope& outer) {
    const Items items = select(node, outer);
    if (items.size == 0) return execute(node.otherwise, outer);
    Scope& scope = runtime_.scope(&outer);
    Loop& loop = runtime_.loop(items);
    for (; loop.at < items.size; ++loop.at) {
      scope.variables = {};
      scope.variables.set("loop", {Kind::kLoop, &std::as_const(loop)});
      assign(node.targets, items[loop.at], scope);
      if (execute(node.body, scope) == Flow::kBreak) break;
    }
    return Flow::kNext;
  }

  Flow run(const Set& node, Scope& scope) {
    assign(node.targets, evaluator_.evaluate(*node.value, scope), scope);
    return Flow::kNext;
  }

  Flow run(const SetAttribute& node, Scope& scope) {
    const Expression name{Name{node.name_space}, runtime_.line(), 1};
    const Value target = evaluator_.evaluate(name, scope);
    if (!target.is(Kind::kNamespace)) runtime_.fail(node.name_space + " is not a namespace, so it cannot be changed");
    const Value value = evaluator_.evaluate(*node.value, scope);
    std::get<Namespace*>(target.data)->attributes.set(node.attribute, value);
    return Flow::kNext;
  }

  Flow run(const SetBlock& node, Scope& scope) {
    Value text = capture(node.body, runtime_.scope(&scope));
    if (node.filters) text = evaluator_.filter_block(*node.filters, text, scope);
    scope.variables.set(node.target, text);
    return Flow::kNext;
  }

  Flow run(const std::unique_ptr<MacroNode>& node, Scope& scope) {
    scope.variables.set(node->name, runtime_.macro({node.get(), &scope}));
    return Flow::kNext;
  }

  Flow run(const CallBlock& node, Scope& scope) {
    const Call& call = std::get<Call>(node.call->node);
    const Value callee = evaluator_.evaluate(*call.callee, scope);
    Arguments arguments = evaluator_.arguments(call.arguments, scope);
    arguments.named.emplace_back("caller", runtime_.macro({node.caller.get(), &scope}));
    runtime_.append(out_, to_text(runtime_, evaluator_.call(callee, arguments)));
    return Flow::kNext;
  }

  Flow run(const Scoped& node, Scope& scope) { return execute(node.body, runtime_.scope(&scope)); }
  Flow run(const LoopControl& node, Scope&) { return node.is_break ? Flow::kBreak : Flow::kContinue; }

  void bind(const Macro& macro, const Arguments& arguments, Scope& scope) {
    const MacroNode& node = *macro.node;
    if (arguments.positional.size() > node.parameters.size()) {
      runtime_.fail("the macro " + node.name + " takes " + std::to_string(node.parameters.size()) + " arguments");
    }
    for (const auto& [name, value] : arguments.named) bind_named(node, name, value, scope);
    for (std::size_t i = 0; i < node.parameters.size(); ++i) {
      const auto& [name, fallback] = node.parameters[i];
      const bool is_named = scope.variables.find(name) != nullptr;
      if (i < arguments.positional.size()) {
        if (is_named) runtime_.fail("the macro " + node.name + " got " + name + " twice");
        scope.variables.set(name, arguments.positional[i]);
      } else if (!is_named) {
        scope.variables.set(name, fallback ? evaluator_.evaluate(*fallback, scope) : Value::undefined(name));
      }
    }
  }

  void bind_named(const MacroNode& node, std::string_view name, const Value& value, Scope& scope) {
    const bool is_parameter = std::ranges::any_of(node.parameters, [&](const auto& p) { return p.first == name; });
    if (!is_parameter && name != "caller") {
      runtime_.fail("the macro " + node.name + " has no parameter " + std::string(name));
    }
    scope.variables.set(name, value);
  }

  Runtime runtime_;
  int depth_ = 0;
  Value context_;
  Evaluator evaluator_;
  std::string out_;
};

}  // namespace

std::string render(const Block& block, const nlohmann::ordered_json& context) {
  if (!context.is_object()) throw Error(ErrorKind::kBadRequest, "a chat template's context must be an object");
  return Interpreter(context).run(block);
}

}  // namespace leankv::jinja
