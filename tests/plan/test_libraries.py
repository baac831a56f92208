import importlib.metadata

from harness.plan.libraries import library_version, version


def test_packages_have_the_distributions_that_provide_them() -> None:
    for package, names in importlib.metadata.packages_distributions().items():
        assert library_version(package) in {
            version(package),
            ",".join(f"{name}={version(name)}" for name in sorted(set(names))),
        }
    assert library_version("sklearn") == f"scikit-learn={version('scikit-learn')}"
    assert library_version("no_such_package") == ""
