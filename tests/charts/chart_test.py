#!/usr/bin/python3
"""The Helm chart says what manifests/ says, its values are judged, and its switches switch.

Needs helm and kubectl, which `tests/cluster/cluster build` leaves in the folder that STOKER_CLUSTER names.
"""
import os
import pathlib
import subprocess
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/stoker"
BIN = pathlib.Path(os.environ.get("STOKER_CLUSTER", pathlib.Path.home() / ".cache/stoker-cluster")) / "bin"


def helm(*args, release="stoker"):
    return subprocess.run(
        [BIN / "helm", "template", release, CHART, "--namespace=stoker-system", "--kube-version=1.36.0", *args],
        capture_output=True, text=True, timeout=60)


def objects(text):
    return {(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(text) if o}


def rendered(*args, **options):
    result = helm(*args, **options)
    if result.returncode:
        raise AssertionError(result.stderr)
    return objects(result.stdout)


def without_marks(thing):
    """Without the labels and annotations by which a package manager knows its own."""
    if isinstance(thing, list):
        return [without_marks(item) for item in thing]
    if not isinstance(thing, dict):
        return thing
    kept = {}
    for key, value in thing.items():
        if key in ("labels", "matchLabels"):
            value = {k: v for k, v in value.items()
                     if not k.startswith(("helm.sh/", "app.kubernetes.io/"))}
        elif key == "annotations":
            value = {k: v for k, v in value.items() if not k.startswith("helm.sh/")}
        if key in ("labels", "annotations") and not value:
            continue
        kept[key] = without_marks(value)
    return kept


class ChartTest(unittest.TestCase):
    maxDiff = None

    def test_default_installation_is_that_of_the_manifests(self):
        kustomized = subprocess.run(
            [BIN / "kubectl", "kustomize", ROOT / "manifests/overlays/cluster"],
            capture_output=True, text=True, timeout=60, check=True).stdout
        wanted = objects(kustomized)
        del wanted["Namespace", "stoker-system"]  # Helm's --create-namespace makes it
        chart = rendered("--set=image.tag=dev")
        self.assertEqual(sorted(chart), sorted(wanted))
        for name, thing in wanted.items():
            self.assertEqual(without_marks(chart[name]), without_marks(thing), name)

    def test_crds_are_those_of_the_project(self):
        for crd in (ROOT / "crds").glob("stoker.dev_*.yaml"):
            self.assertEqual((CHART / "files/crds" / crd.name).read_text(), crd.read_text(),
                             f"copy crds/{crd.name} to charts/stoker/files/crds: make chart-crds")

    def test_uninstall_keeps_crds_unless_told_otherwise(self):
        def policies(*args):
            return [o["metadata"].get("annotations", {}).get("helm.sh/resource-policy")
                    for (kind, _), o in rendered(*args).items() if kind == "CustomResourceDefinition"]
        self.assertEqual(policies(), ["keep", "keep"])
        self.assertEqual(policies("--set=crds.keep=false"), [None, None])
        self.assertEqual(policies("--set=crds.install=false"), [])

    def test_values_become_flags_and_defaults_do_not(self):
        def flags(*args, **options):
            chart = rendered(*args, **options)
            deployment = next(o for (kind, _), o in chart.items() if kind == "Deployment")
            return deployment["spec"]["template"]["spec"]["containers"][0]["args"][3:]
        self.assertEqual(flags(), [])
        self.assertEqual(flags("--set=logLevel=debug,inProcess.runs=9,image.pullPolicy=Always"),
                         ["--worker-image-pull-policy=Always", "--log-level=debug", "--in-process-runs=9"])
        self.assertEqual(flags("--set=inProcess.egressDeny={10.0.0.0/8},extraArgs={--loops=1}"),
                         ["--in-process-egress-deny=10.0.0.0/8", "--loops=1"])
        self.assertEqual(flags(release="second"), ["--lease-name=second-stoker-controller"])

    def test_installation_for_namespaces_has_roles_there_and_no_cluster_role(self):
        chart = rendered("--set=namespaces={shop,blog},rbac.userRoles=false")
        self.assertNotIn("ClusterRole", {kind for kind, _ in chart})
        self.assertNotIn("ClusterRoleBinding", {kind for kind, _ in chart})
        text = helm("--set=namespaces={shop,blog}").stdout
        roles = [o for o in yaml.safe_load_all(text)
                 if o and o["kind"] == "Role" and o["metadata"]["name"] == "stoker-controller-runs"]
        self.assertEqual({role["metadata"]["namespace"] for role in roles}, {"shop", "blog"})
        cluster = rendered()["ClusterRole", "stoker-controller"]["rules"]
        for role in roles:
            changed = [rule for rule in role["rules"] if rule not in cluster]
            self.assertEqual(changed, [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}])
        arguments = chart["Deployment", "stoker-controller"]["spec"]["template"]["spec"]["containers"][0]["args"]
        self.assertEqual(arguments[3:], ["--namespace=shop", "--namespace=blog"])

    def test_release_of_another_name_shares_nothing(self):
        shared = set(rendered()) & set(rendered(release="second"))
        self.assertEqual({kind for kind, _ in shared}, {"CustomResourceDefinition"})

    def test_lease_right_names_the_lease_that_is_used(self):
        role = rendered(release="second")["Role", "second-stoker-controller"]
        self.assertIn(["second-stoker-controller"], [rule.get("resourceNames") for rule in role["rules"]])

    def test_selector_holds_nothing_that_an_upgrade_changes(self):
        selector = rendered()["Deployment", "stoker-controller"]["spec"]["selector"]["matchLabels"]
        self.assertEqual(set(selector), {"app.kubernetes.io/name", "app.kubernetes.io/instance"})

    def test_slips_of_the_pen_are_refused_by_name(self):
        for slip, words in [("replica=3", "replica"), ("image.digest=abc", "/image/digest"),
                            ("logLevel=loud", "/logLevel"), ("replicas=0", "/replicas"),
                            ("leaderElection.leaseDuration=15", "leaseDuration")]:
            result = helm(f"--set={slip}")
            self.assertNotEqual(result.returncode, 0, slip)
            self.assertIn(words, result.stderr)

    def test_digest_wins_over_tag(self):
        digest = "sha256:" + "a" * 64
        deployment = rendered(f"--set=image.digest={digest},image.tag=x")["Deployment", "stoker-controller"]
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["image"], f"localhost/stoker@{digest}")
        self.assertIn({"name": "STOKER_IMAGE", "value": container["image"]}, container["env"])


if __name__ == "__main__":
    unittest.main()
