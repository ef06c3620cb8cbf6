"""Build `fabyield`: code from lib/, with jobs and declarations beside it as packages."""

from setuptools import find_packages, setup

BESIDE = {f"fabyield.{name}": name for name in ("conf", "expectations", "jobs", "schemas")}

setup(
    name="fabyield",
    version="0.1.0",
    description="Nightly yield analytics for semiconductor fabs on Spark and Delta Lake",
    license="Apache-2.0",
    python_requires=">=3.11",
    package_dir={"": "lib", **BESIDE},
    packages=[*find_packages("lib"), *BESIDE],
    package_data={
        "fabyield": ["py.typed"],
        "fabsim": ["py.typed"],
        "fabyield.lake": ["queries/*.sql"],
        "fabyield.reports": ["*.html", "*.css"],
        **{package: ["*.yml"] for package in BESIDE},
    },
    entry_points={
        "console_scripts": ["fabyield = fabyield.cli.app:main", "fabsim = fabsim.cli:main"]
    },
    # requirements*.lock pins these and all below them; `make lock` writes the locks from here.
    install_requires=[
        "backports.zstd>=1.3; python_version < '3.14'",
        "deltalake>=1.6,<2",
        "delta-spark==4.4.0",
        "duckdb>=2.0,<3",
        "great-expectations==1.24.1",
        "jinja2>=3.1",
        "numba>=0.68",
        "numpy>=2.4",
        "obstore>=0.12,<0.13",
        "pandas>=2.3,<3",
        "psycopg[binary]>=3.3",
        "pyarrow>=25.0.1,<26",
        "pyspark==4.1.4",
        "pyyaml>=6",
        "scikit-learn>=1.9",
        "scipy>=1.17",
        "sqlalchemy>=2.1,<3",
        "tenacity>=9.1",
        "typer>=0.29",
        "xgboost-cpu>=3.2,<3.3",
    ],
    extras_require={
        "dev": [
            "hypothesis",
            "inotify-simple",
            "mypy",
            "pandas-stubs<3",
            "psutil",
            "pyarrow-stubs",
            "pystdf",
            "pytest",
            "pytest-xdist",
            "ruff",
            "scikit-learn-stubs",
            "types-PyYAML",
            "types-psutil",
        ],
        "fuzz": ["atheris>=3"],
    },
)
