"""LumiqTrace's metrics endpoints: overview, costs, performance, errors."""
