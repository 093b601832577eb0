#include "app/eval/suites/multi_texts.h"

namespace leankv {
namespace {

constexpr TextPair kInstructions[] = {
    {"the taxi", "The taxi is green."},
    {"the piano", "The piano is out of tune."},
    {"the tiger", "The tiger sleeps in a cave."},
    {"the museum", "The museum opens at noon."},
    {"the price", "The price is nine pounds."},
    {"the bridge", "The bridge is closed."},
    {"the cake", "The cake has three candles."},
    {"the bicycle", "The bicycle has no bell."},
    {"the violin", "The violin belongs to Clara."},
    {"the garden", "The garden has seven roses."},
    {"the train", "The train leaves from platform four."},
    {"the passport", "The passport is in the drawer."},
    {"the camera", "The camera was made in Japan."},
    {"the elephant", "The elephant is called Rosie."},
    {"the hotel", "The hotel has a red door."},
    {"the market", "The market is on Tuesday."},
};

constexpr TextPair kConversation[] = {
    {"What do bees make?", "Bees make honey."},
    {"Which planet is closest to the sun?", "Mercury is closest to the sun."},
    {"What is ice?", "Ice is frozen water."},
    {"Who wrote Hamlet?", "Shakespeare wrote Hamlet."},
    {"What is the capital of France?", "The capital of France is Paris."},
    {"How many days has a week?", "A week has seven days."},
    {"What do fish breathe with?", "Fish breathe with gills."},
    {"What is bread made of?", "Bread is made of flour and water."},
    {"Which animal barks?", "A dog barks."},
    {"What does a clock show?", "A clock shows the time."},
};

constexpr TextPair kFactQuestions[] = {
    {"What is your name?", "Quill"},         {"What is your ship called?", "Heron"},
    {"Where were you born?", "Lisbon"},      {"What is the name of your cat?", "Pepper"},
    {"What do you like to drink?", "cocoa"}, {"What instrument do you play?", "trumpet"},
};

constexpr std::string_view kRuleQuestions[] = {
    "What do cows eat?", "What colour is grass?",         "How many legs has a spider?",
    "What is the sun?",  "What is the capital of Italy?", "What do we read?",
};

}  // namespace

const std::string_view kFactsPrompt =
    "You are Admiral Quill. Your ship is called the Heron. You were born in Lisbon. Your cat is named Pepper. You like "
    "to "
    "drink cocoa. You play the trumpet.";

std::span<const TextPair> instruction_texts() { return kInstructions; }
std::span<const TextPair> conversation_texts() { return kConversation; }
std::span<const TextPair> fact_questions() { return kFactQuestions; }
std::span<const std::string_view> rule_questions() { return kRuleQuestions; }

}  // namespace leankv
