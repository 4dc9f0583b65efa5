package check

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// manifests are all files for Kubernetes.
func manifests(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(repository("docker", "kubernetes", "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	return paths
}

// decode reads every document of a file into its type. A member that the type does not have is an error.
func decode(t *testing.T, path string) []runtime.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var objects []runtime.Object
	for documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		objects = append(objects, object)
	}
}

// deployments are those of a file.
func deployments(t *testing.T, path string) []*appsv1.Deployment {
	var found []*appsv1.Deployment
	for _, object := range decode(t, path) {
		if d, ok := object.(*appsv1.Deployment); ok {
			found = append(found, d)
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s has no Deployment", path)
	}
	return found
}

// millraceIn is the container of a pod that runs millrace, and whether it is a native sidecar.
func millraceIn(t *testing.T, spec corev1.PodSpec) (c corev1.Container, sidecar bool) {
	t.Helper()
	for _, c := range spec.InitContainers {
		if c.Name == "millrace" {
			return c, true
		}
	}
	for _, c := range spec.Containers {
		if c.Name == "millrace" {
			return c, false
		}
	}
	t.Fatal("no container millrace")
	return c, false
}

func TestManifestsSelectTheirPods(t *testing.T) {
	for _, path := range manifests(t) {
		pods := map[string]labels.Set{}
		for _, d := range deployments(t, path) {
			pods[d.Name] = d.Spec.Template.Labels
			f := func(what string, selector *metav1.LabelSelector) {
				s, err := metav1.LabelSelectorAsSelector(selector)
				if err != nil || s.Empty() || !s.Matches(pods[d.Name]) {
					t.Errorf("%s: %s selects %v (%v), the pods have %v", path, what, s, err, pods[d.Name])
				}
			}
			f("the Deployment", d.Spec.Selector)
			for _, object := range decode(t, path) {
				switch o := object.(type) {
				case *corev1.Service:
					f("the Service", &metav1.LabelSelector{MatchLabels: o.Spec.Selector})
				case *policyv1.PodDisruptionBudget:
					f("the PodDisruptionBudget", o.Spec.Selector)
				case *networkingv1.NetworkPolicy:
					f("the NetworkPolicy", &o.Spec.PodSelector)
				}
			}
			for _, c := range d.Spec.Template.Spec.TopologySpreadConstraints {
				f("the topology spread", c.LabelSelector)
			}
		}
	}
}

func TestManifestsNamePortsThatExist(t *testing.T) {
	for _, path := range manifests(t) {
		for _, d := range deployments(t, path) {
			c, _ := millraceIn(t, d.Spec.Template.Spec)
			f := func(what string, port intstr.IntOrString) {
				if !slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Name == port.StrVal }) {
					t.Errorf("%s: %s is about port %v, the container has %v", path, what, port.String(), c.Ports)
				}
			}
			for what, p := range map[string]*corev1.Probe{"startup": c.StartupProbe, "liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
				if p == nil || p.HTTPGet == nil {
					t.Errorf("%s: no %s probe", path, what)
					continue
				}
				f("the "+what+" probe", p.HTTPGet.Port)
			}
			for _, object := range decode(t, path) {
				switch o := object.(type) {
				case *corev1.Service:
					for _, p := range o.Spec.Ports {
						f("the Service", p.TargetPort)
					}
				case *networkingv1.NetworkPolicy:
					for _, rule := range o.Spec.Ingress {
						for _, p := range rule.Ports {
							f("the NetworkPolicy", *p.Port)
						}
					}
				}
			}
		}
	}
}

func TestManifestsRunMillraceWithoutRights(t *testing.T) {
	sidecars := 0
	for _, path := range manifests(t) {
		for _, d := range deployments(t, path) {
			spec := d.Spec.Template.Spec
			c, sidecar := millraceIn(t, spec)
			if sidecar {
				sidecars++
				if c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways {
					t.Errorf("%s: an init container that is not restarted is no sidecar", path)
				}
			}
			s := c.SecurityContext
			if s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) ||
				spec.SecurityContext == nil || !*spec.SecurityContext.RunAsNonRoot || *spec.SecurityContext.RunAsUser != 65532 {
				t.Errorf("%s: the container has rights that it does not need: %+v, %+v", path, s, spec.SecurityContext)
			}
			if c.Resources.Limits.Memory().IsZero() {
				t.Errorf("%s: no memory limit", path)
			}
		}
	}
	if sidecars != 1 {
		t.Errorf("%d manifests have a native sidecar, want 1", sidecars)
	}
}

func TestManifestsSetWhatMillraceKnows(t *testing.T) {
	for _, path := range manifests(t) {
		for _, d := range deployments(t, path) {
			c, _ := millraceIn(t, d.Spec.Template.Spec)
			env := map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
			for _, v := range c.Env {
				env[v.Name] = v.Value
				if v.ValueFrom != nil {
					env[v.Name] = "0123456789abcdef0123456789abcdef"
				}
			}
			checkSettings(t, path, c.Args, env)
		}
	}
}
