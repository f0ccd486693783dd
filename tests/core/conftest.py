from hypothesis import Phase, settings

# A mutant has to be noticed only, not explained by the smallest example.
settings.register_profile(
    "mutants", phases=(Phase.explicit, Phase.generate), database=None, deadline=None
)
