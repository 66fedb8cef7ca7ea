"""Views of 3D models: meshes, voxels, renderer, key points."""
