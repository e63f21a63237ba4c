#include "cmd/stoker-controller/flags.h"

#include <unistd.h>

#include <CLI/CLI.hpp>

namespace stoker::controller {
namespace {

CLI::Validator IsDuration() {
  return {[](std::string& text) {
            const auto parsed = ParseDuration(text);
            if (!parsed) return parsed.error().message;
            return parsed->count() > 0 ? std::string() : std::string("must be longer than 0s");
          },
          "DURATION"};
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "stoker";
}

// What CLI11 fills in as text.
struct Raw {
  std::string lease_duration = "15s", renew_deadline = "10s", retry_period = "2s";
  std::string checkpoint_every = "5s", recheck_interval = "30s";
  std::string log_level = "info", log_format = "json";
};

void AddClusterFlags(CLI::App& app, Flags& flags) {
  app.add_option(
      "--kubeconfig", flags.kube.kubeconfig,
      "Path of a kubeconfig; default: KUBECONFIG, the pod's service account, ~/.kube/config");
  app.add_option("--context", flags.kube.context, "Context of the kubeconfig");
  app.add_option(
      "--namespace", flags.namespaces,
      "Namespace to watch (repeatable); default: all. Limited so, a Role in each is enough, "
      "with get of namespaces instead of list and watch");
  app.add_option("--worker-image", flags.worker_image, "Image of worker pods")
      ->capture_default_str();
  app.add_option("--worker-image-pull-policy", flags.worker_image_pull_policy,
                 "Pull policy of worker pods")
      ->check(CLI::IsMember({"Always", "IfNotPresent", "Never"}))
      ->capture_default_str();
}

void AddLeaseFlags(CLI::App& app, Flags& flags, Raw& raw) {
  app.add_option("--lease-namespace", flags.leader.ns, "Namespace of the Lease; default: our own");
  app.add_option("--lease-name", flags.leader.name, "Name of the Lease")->capture_default_str();
  app.add_option("--identity", flags.leader.identity,
                 "Our name on the Lease; default: host name and pid");
  app.add_option("--lease-duration", raw.lease_duration,
                 "How long others wait before they take a Lease")
      ->check(IsDuration())
      ->capture_default_str();
  app.add_option("--lease-renew-deadline", raw.renew_deadline,
                 "Not renewed for so long: leadership is given up")
      ->check(IsDuration())
      ->capture_default_str();
  app.add_option("--lease-retry-period", raw.retry_period, "Time between renewals")
      ->check(IsDuration())
      ->capture_default_str();
}

void AddRunFlags(CLI::App& app, Flags& flags, Raw& raw) {
  app.add_option("--reconcile-workers", flags.reconcile_workers,
                 "Threads for policies, and for runs")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--in-process-runs", flags.in_process_runs, "In-process runs at a time; more wait")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--loops", flags.loops,
                 "Event loops of in-process runs; 0: one a core that is granted")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  app.add_option("--checkpoint-every", raw.checkpoint_every,
                 "Time between checkpoints of an in-process run")
      ->check(IsDuration())
      ->capture_default_str();
  app.add_option("--recheck-interval", raw.recheck_interval,
                 "Time between looks at a policy that lacks something, such as a Secret")
      ->check(IsDuration())
      ->capture_default_str();
  app.add_option(
      "--in-process-egress-deny", flags.egress.denied,
      "Address or CIDR that in-process runs may not dial (repeatable); loopback, link-local, "
      "metadata and the API server's addresses are denied anyway");
  app.add_option("--in-process-egress-allow", flags.egress.allowed,
                 "Address or CIDR that in-process runs may dial all the same (repeatable)");
}

void AddProcessFlags(CLI::App& app, Flags& flags, Raw& raw) {
  app.add_option("--health-address", flags.health_address, "Address of /healthz and /readyz")
      ->capture_default_str();
  app.add_option("--health-port", flags.health_port,
                 "Port of /healthz and /readyz; 0: any free one")
      ->capture_default_str();
  app.add_option("--log-level", raw.log_level, "How much is logged")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  app.add_option("--log-format", raw.log_format, "How it is written")
      ->check(CLI::IsMember({"json", "text"}))
      ->capture_default_str();
}

std::string Judge(const Flags& flags) {
  const kube::LeaderOptions& leader = flags.leader;
  if (leader.renew_deadline >= leader.lease_duration)
    return "--lease-renew-deadline must be shorter than --lease-duration";
  if (leader.retry_period >= leader.renew_deadline)
    return "--lease-retry-period must be shorter than --lease-renew-deadline";
  return {};
}

}  // namespace

std::variant<Flags, int> ParseFlags(int argc, char** argv) {
  Flags flags;
  Raw raw;
  CLI::App app("Watches WarmingPolicies and PrewarmSchedules and warms caches as they say.");
  app.set_version_flag("--version", "stoker-controller 0.1.0");
  AddClusterFlags(app, flags);
  AddLeaseFlags(app, flags, raw);
  AddRunFlags(app, flags, raw);
  AddProcessFlags(app, flags, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  flags.leader.lease_duration = *ParseDuration(raw.lease_duration);
  flags.leader.renew_deadline = *ParseDuration(raw.renew_deadline);
  flags.leader.retry_period = *ParseDuration(raw.retry_period);
  flags.checkpoint_every = *ParseDuration(raw.checkpoint_every);
  flags.recheck_interval = *ParseDuration(raw.recheck_interval);
  flags.log_level = *ParseLogLevel(raw.log_level);
  flags.log_format = raw.log_format == "text" ? LogFormat::kText : LogFormat::kJson;
  if (flags.leader.identity.empty()) {
    flags.leader.identity = HostName() + "_" + std::to_string(getpid());
  }
  if (const std::string complaint = Judge(flags); !complaint.empty()) {
    std::cerr << complaint << "\n";
    return 2;
  }
  return flags;
}

}  // namespace stoker::controller
