#include "controller/warming/target/target_errors.h"

#include <utility>

namespace stoker::warming {

TargetError FromConnect(const ConnectError& error) {
  using Reason = ConnectError::Reason;
  TargetError target;
  target.message = error.message;
  target.whole_target = true;
  switch (error.reason) {
    case Reason::kTlsNotTrusted:
      target.reason = "TargetTLSNotTrusted";
      break;
    case Reason::kNotTls:
      target.reason = "TargetTLSMismatch";
      break;
    case Reason::kEgressRefused:
      target.reason = "EgressRefused";
      break;
    case Reason::kCancelled:
      target.reason = "Cancelled";
      break;
    case Reason::kTimeout:
      target.reason = "TargetTimeout";
      target.retryable = true;
      break;
    default:
      target.reason = "TargetUnavailable";
      target.retryable = error.code != Code::kInvalid;
  }
  return target;
}

TargetError ConnectionLost(std::string message) {
  return {"TargetUnavailable", std::move(message), true, true};
}

TargetError NoAnswerInTime(std::string_view where) {
  return {"TargetTimeout", std::string(where) + " did not answer in time", true, true};
}

std::string Quotable(std::string_view reply) {
  std::string clean;
  for (const char c : reply.substr(0, 160)) {
    clean += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return clean;
}

TargetError TargetCancelled(std::string_view where) {
  return {"Cancelled", std::string(where) + ": cancelled", false, true};
}

TargetError TellsNoCapacity(std::string_view where, std::string_view how) {
  TargetError error{"TargetRejected", std::string(where), false, true};
  error.message.append(": ").append(how).append("; leave spec.targets[].capacity out");
  return error;
}

}  // namespace stoker::warming
