#include "controller/reconcile/controller.h"

#include "controller/base/log.h"

namespace stoker::reconcile {
namespace {
constexpr double kHangSeconds = 300;
}

Controller::Controller(std::shared_ptr<kube::Transport> transport, ControllerOptions options)
    : options_(std::move(options)),
      reader_(transport),
      writer_(transport, [this] { return elector_->Valid(); }),
      views_(reader_, options_.namespaces, options_.term.recheck) {
  elector_ = std::make_unique<kube::LeaderElector>(reader_, ElectorOptions());
  events_ = std::make_unique<kube::EventRecorder>(writer_, options_.leader.identity);
  views_.policies.OnChange(ToTerm(&Term::OnPolicyChanged));
  views_.schedules.OnChange(ToTerm(&Term::OnScheduleChanged));
  views_.jobs.OnChange(ToTerm(&Term::OnJobChanged));
  views_.pods.OnChange(ToTerm(&Term::OnPodChanged));
  views_.namespaces.OnChange(ToTerm(&Term::OnNamespaceChanged));
}

Controller::~Controller() {
  Stop();
  elector_.reset();  // it uses the clients
}

kube::LeaderOptions Controller::ElectorOptions() {
  kube::LeaderOptions options = options_.leader;
  options.left_behind = [this](const std::stop_token& stop) {
    return TransitionsLeftBehind(reader_, options_.namespaces, stop);
  };
  return options;
}

kube::Informer::Handler Controller::ToTerm(Handler handler) {
  return [this, handler](const kube::Object& before, const kube::Object& after) {
    std::shared_ptr<Term> term;
    {
      const std::lock_guard lock(mutex_);
      term = term_;
    }
    if (term) ((*term).*handler)(before, after);
  };
}

void Controller::Start() {
  views_.Start();
  elector_->Start([this] { BeginTerm(); }, [this] { EndTerm(false); });
}

void Controller::BeginTerm() {
  LogInfo("leading", {{"transitions", std::to_string(elector_->Transitions())}});
  TermOptions options = options_.term;
  options.transitions = elector_->Transitions();
  options.executor.may_act = [this] { return elector_->Valid(); };
  auto term = std::make_shared<Term>(writer_, *events_, views_, std::move(options));
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  term_ = term;
  term->Start();  // under the lock: Stop() must not meet a term that is still making its threads
}

void Controller::EndTerm(bool hand_over) {
  std::shared_ptr<Term> term;
  {
    const std::lock_guard lock(mutex_);
    term = std::move(term_);
    term_.reset();
  }
  if (!term) return;
  LogInfo(hand_over ? "handing over" : "leading no longer");
  term->Stop(hand_over);
  if (!hand_over) events_->DropQueued();
}

void Controller::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  EndTerm(true);
  events_->Stop();
  elector_->Stop();
  views_.Stop();
}

Status Controller::Healthy() const {
  const std::lock_guard lock(mutex_);
  if (!term_ || term_->LongestReconcileSeconds() < kHangSeconds) return {};
  return Unavailable("a reconcile hangs");
}

Status Controller::Ready() const {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return Unavailable("it is stopping");
  }
  if (!views_.Synced()) return Unavailable("the caches are not filled yet");
  return {};
}

bool Controller::Leads() const { return elector_->Valid(); }

}  // namespace stoker::reconcile
