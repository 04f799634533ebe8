"""The kubernetes warmer against a double of the API server over TLS, with a CA made here (P8, W1, W5)."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "doubles"))

from harness import FOREWARM, main, skip_without, wait_for
from bench import CHAT, WarmerBench, side_by_side
from kubernetes import Kubernetes, certificates

PROBE = {"path": CHAT, "body": '{"model":"m","messages":[],"max_tokens":1}'}
TOKEN = "eyJhbGciOi.first-31bf"


class KubernetesWarmer(WarmerBench):
    kind = "kubernetes"

    def setUp(self):
        super().setUp()
        self.tls, self.ca = certificates(self.folder)
        self.token = self.path("token")
        self.write_token(TOKEN)

    def write_token(self, text):
        with open(self.token, "w") as out:
            out.write(text + "\n")

    def cluster(self, tls=None, **options):
        return self.open(Kubernetes(tls or self.tls, TOKEN, **options))

    def warmer(self, double, warmer=None, **more):
        warmer = {"url": double.url, "ca_file": self.ca, "token_file": self.token, "namespace": "ml", "deployment": "qwen", **(warmer or {})}
        return self.forewarm(double, warmer=warmer, upstream=double.service.url, probe=PROBE, **more)

    def test_a_replica_that_is_there_is_not_ready(self):
        naive, ours = self.cluster(), self.cluster()
        naive.set_replicas(1, "naive")
        self.assertEqual(naive.scale()["status"]["replicas"], 1)  # a naive warmer is done
        start = time.monotonic()
        from harness import chat, request
        wait_for("the user is served", lambda: request(naive.service.server_port, "POST", CHAT, chat("m")).status == 200)
        naive_s = time.monotonic() - start
        daemon = self.warmer(ours)
        self.warm(daemon)
        ours_s = self.ask(daemon)
        side_by_side("scale says replicas 1", naive_s, ours_s)
        self.assertGreater(naive_s, naive.ready_s)
        self.assertLess(ours_s, ours.first_s)
        patch = [call for call in ours.calls if call.method == "PATCH"]
        self.assertEqual([call.query for call in patch], [{"fieldManager": "forewarm"}])
        self.unload(daemon)
        self.assertEqual((ours.replicas, ours.there), (0, 0))

    def test_what_others_scaled_is_left_alone(self):
        double = self.cluster()
        double.set_replicas(3, "kube-controller-manager")
        daemon = self.warmer(double)
        self.warm(daemon)
        self.unload(daemon)
        self.assertEqual(double.replicas, 3)
        self.assertFalse([call for call in double.calls if call.method == "PATCH"])
        self.assertIn('left at 3 replicas: \\"kube-controller-manager\\" set them', daemon.output())

    def test_an_hpa_that_scaled_on_owns_it_from_then_on(self):
        double = self.cluster()
        daemon = self.warmer(double)
        self.warm(daemon)
        double.set_replicas(2, "kube-controller-manager")
        double.set_replicas(1, "kube-controller-manager")
        self.unload(daemon)
        self.assertEqual(double.replicas, 1)
        self.assertIn("kube-controller-manager", daemon.output())

    def test_ownership_outlives_a_restart(self):
        double = self.cluster(first_s=0)
        daemon = self.warmer(double)
        self.warm(daemon)
        again = self.restart(daemon)
        self.unload(again)
        self.assertEqual(double.replicas, 0)

    def test_somebody_faster_is_looked_at_anew(self):
        double = self.cluster(first_s=0)
        double.conflicts = 1
        self.warm(self.warmer(double))
        double = self.cluster()
        double.conflicts = 1 << 30
        error = self.failure(self.warmer(double, log="conflict.log"))
        self.assertIn("somebody else (an HPA, KEDA, a rollout?) keeps changing deployment qwen", error)

    def test_scaled_away_while_it_loads(self):
        double = self.cluster(ready_s=60)
        daemon = self.warmer(double)
        daemon.api("POST", "/start-warmup", {"resource": "m"})
        wait_for("it was scaled up", lambda: double.replicas == 1)
        double.set_replicas(0, "keda-operator")
        wait_for("it has failed", lambda: 'scaled to 0 by \\"keda-operator\\"' in daemon.output())

    def test_pods_that_do_not_come_up(self):
        double = self.cluster()
        double.stuck = ("ProgressDeadlineExceeded", 'ReplicaSet "qwen-7c9" has timed out progressing.')
        self.assertIn("has timed out progressing", self.failure(self.warmer(double)))

    def test_loss_is_noticed(self):
        double = self.cluster(first_s=0)
        daemon = self.warmer(double)
        self.warm(daemon)
        double.set_replicas(0, "kubectl-scale")
        self.expect_loss(daemon)

    def test_the_token_file_is_read_for_every_call(self):
        double = self.cluster(first_s=0)
        daemon = self.warmer(double)
        self.warm(daemon)
        double.token = "eyJhbGciOi.second-92aa"
        self.write_token(double.token)
        self.unload(daemon)
        self.write_token("eyJhbGciOi.stale-0c0c")
        error = self.failure(daemon)
        self.assertIn(f'does not accept the token of "{self.token}" (401 "Unauthorized")', error)
        shown = daemon.output() + error + str(daemon.resource("m")) + daemon.api("GET", "/metrics").body.decode()
        for secret in ("31bf", "92aa", "0c0c"):
            self.assertNotIn(secret, shown)

    def test_certificates_are_checked(self):
        double = self.cluster()
        other_ca = certificates(self.folder, ca="other")[1]
        error = self.failure(self.warmer(double, {"ca_file": other_ca}, log="ca.log"))
        self.assertIn("its certificate is not accepted: SSL certificate problem", error)
        self.assertIn(other_ca, error)
        error = self.failure(self.warmer(double, {"ca_file": self.path("absent.crt")}, log="absent.log"))
        self.assertIn(f'ca_file "{self.path("absent.crt")}" cannot be read', error)
        for name, words, options in (("name", "name", {"name": "elsewhere.example"}), ("old", "expired", {"days": -1})):
            tls, ca = certificates(self.folder, ca=name, **options)
            error = self.failure(self.warmer(self.cluster(tls), {"ca_file": ca}, log=f"{name}.log"))
            self.assertIn("its certificate is not accepted", error)
            self.assertIn(words, error)
        self.assertFalse(double.calls, "nothing was sent before the certificate was checked")

    def test_what_goes_wrong_is_said(self):
        double = self.cluster()
        error = self.failure(self.warmer(double, {"deployment": "absent"}, log="absent.log"))
        self.assertIn('deployments.apps "absent" not found', error)
        double.forbidden = True
        error = self.failure(self.warmer(double, log="rbac.log"))
        self.assertIn("forbids GET deployments; it needs the verb get on deployments", error)
        self.expect_other_server_named("expected Kubernetes at URL, found vLLM: GET /version answered 404", probe=PROBE,
                                       warmer={"deployment": "qwen", "token_file": self.token}, warmer_at_upstream=True)


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
