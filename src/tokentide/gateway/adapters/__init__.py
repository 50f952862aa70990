"""Everyone's formats: each adapter is one pure module, from a payload to the fields of events or to refusals."""
