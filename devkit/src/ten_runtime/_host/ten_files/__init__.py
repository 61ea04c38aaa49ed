# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What TEN refuses in the files of a package, in TEN's own words.

Each function takes a decoded JSON document and gives the first reason to
refuse it, as `"properties" is a required property @ /api/property`, or None.
"""

from .manifest_rules import problem_with_interface as problem_with_interface
from .manifest_rules import problem_with_manifest as problem_with_manifest
from .property_rules import problem_with_graph as problem_with_graph
from .property_rules import problem_with_property as problem_with_property
