"""Image classification: folders of pictures, ResNet, EfficientNet and ViT."""
