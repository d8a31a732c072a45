"""Control: trajectories of an expert in an environment, policies that imitate it, judged by what they reach there."""
