"""One configuration, in any process: free of Ray and Optuna."""
