// How many pages a request is expected to need, so that none is promised twice.
#pragma once

#include <map>
#include <string>

#include "engine/choice.h"
#include "engine/engine.h"

namespace leankv {

// Of one policy: learned from requests that have finished, each new one counting 1/16 once there are as many.
class SizeEstimate {
 public:
  // What a finished request held after its prompt, against what was planned for as many tokens.
  void learn_size(double pages_per_planned);
  void learn_length(int answer_tokens);

  double pages_per_planned() const;      // with a margin
  int answer_tokens(int at_most) const;  // likewise; at_most until enough is known

 private:
  double size_ = 1, length_ = 0;
  int sizes_ = 0, lengths_ = 0;
};

// Pages are counted without the reserve. The engine must outlive it.
class Admission {
 public:
  explicit Admission(const Engine& engine) : engine_(engine) {}

  SizeEstimate& estimate_of(const Policy& policy);
  int64_t capacity_pages() const;
  // The limit of a sequence of this request (Sequence::most_pages). It depends on the request and the pool alone, so
  // that what is kept does not depend on who else is there: half of the pool, all of it where half may not do.
  uint32_t most_pages(const Request& request, int room) const;
  // The most that a choice will hold, as far as can be told: while its prompt is fed, what that takes, and what its
  // followers will; then what is learned of its policy, and no less than it holds or has held.
  int64_t promise(const Choice& choice) const;
  void learn(const Choice& choice);  // that has come to its end

 private:
  int64_t fresh_pages(TierId tier, int tokens) const;
  int64_t planned_pages(const Policy& policy, int prompt_tokens, int tokens) const;
  int64_t expected_pages(const Choice& choice) const;

  const Engine& engine_;
  std::map<std::string, SizeEstimate> estimates_;  // by describe(policy)
};

}  // namespace leankv
